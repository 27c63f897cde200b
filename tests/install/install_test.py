#!/usr/bin/env python3
"""Installs this build into a scratch prefix and builds host.c and host.cpp against it, in each way that hosts have.

A static library is linked as a whole: what no host calls yet has to find what it needs too.
ctest gives the environment: tests/install/CMakeLists.txt. The scratch folder stays until the next run.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD, SOURCE, WORK = (Path(os.environ[name]) for name in ("BUILD_DIR", "SOURCE_DIR", "WORK_DIR"))
VERSION, CMAKE, PKG_CONFIG = (os.environ[name] for name in ("VERSION", "CMAKE", "PKG_CONFIG"))
COMPILERS = {"c": [*shlex.split(os.environ["CC"]), "-std=c11"], "cpp": [*shlex.split(os.environ["CXX"]), "-std=c++20"]}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# The libraries of a sanitizer's build want its runtime in the host.
SANITIZERS = {"": [], "address": ["-fsanitize=address,undefined"], "thread": ["-fsanitize=thread"]}
SANITIZE = SANITIZERS[os.environ["SANITIZE"]]
LIBRARIES = {"core": "tandem-core", "tandem": "tandem"}
RUNTIME = re.compile(r"lib(c|m|gcc_s|stdc\+\+|c\+\+|c\+\+abi|unwind|asan|ubsan|tsan)\.so|ld-linux")


def output(command, env=(), wanted=0):
    """Standard output and error of a command that has to end like this."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, **dict(env)}, cwd=WORK)
    if done.returncode != wanted:
        raise AssertionError(f"{shlex.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def needed(binary):
    """The shared libraries that a program or library asks for, without the compilers' own."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", output(["readelf", "-d", "-W", binary], {"LC_ALL": "C"}))
    return {name for name in names if not RUNTIME.match(name)}


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True)
        cls.prefix = WORK / "prefix"
        config = ["--config", os.environ["CONFIG"]] if os.environ["CONFIG"] else []
        output([CMAKE, "--install", BUILD, *config, "--prefix", cls.prefix])
        cls.libdir = next(cls.prefix.rglob("libtandem.a")).parent

    def assert_host(self, host, component, kind, env=()):
        """It runs, and has the library in it or beside it."""
        output([host, VERSION], env)
        names = needed(host)
        shared = f"lib{LIBRARIES[component]}.so.0"
        if kind == "shared":
            self.assertEqual(names, {shared})
        else:
            self.assertFalse([name for name in names if name.startswith("libtandem")], names)
            if component == "core":
                self.assertLessEqual({name.split(".")[0] for name in names}, {"libfmt"})

    # find_package()

    def configure(self, folder, components, target, *options, languages="C;CXX", wanted=0):
        flags = [f"-DCMAKE_{language}_FLAGS={' '.join(SANITIZE)}" for language in ("C", "CXX")]
        return output([CMAKE, "-S", HERE / "consumer", "-B", WORK / folder, *flags, *options,
                       f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DHOST_LANGUAGES={languages}",
                       f"-DHOST_COMPONENTS={components}", f"-DHOST_TARGET={target}"], wanted=wanted)

    def build_with_cmake(self, folder, component, kind, components, target, *options, languages="C;CXX"):
        if kind == "static":
            target = f"$<LINK_LIBRARY:WHOLE_ARCHIVE,{target}>"
        self.configure(folder, components, target, *options, languages=languages)
        output([CMAKE, "--build", WORK / folder])
        for language in languages.replace("CXX", "cpp").lower().split(";"):
            self.assert_host(WORK / folder / f"host_{language}", component, kind)

    def test_find_package(self):
        for component in LIBRARIES:
            for kind, is_shared in (("shared", "ON"), ("static", "OFF")):
                with self.subTest(component=component, kind=kind):
                    self.build_with_cmake(f"cmake-{component}-{kind}", component, kind, component,
                                          f"tandem::{component}", f"-DBUILD_SHARED_LIBS={is_shared}")

    def test_find_package_without_components_is_everything_and_shared(self):
        self.build_with_cmake("cmake-all", "tandem", "shared", "", "tandem::tandem", languages="C")
        for component in LIBRARIES:
            for kind in ("shared", "static"):
                with self.subTest(component=component, kind=kind):
                    self.build_with_cmake("cmake-all", component, kind, "", f"tandem::{component}_{kind}",
                                          languages="C")

    def test_a_kind_can_be_named(self):
        self.build_with_cmake("cmake-named", "core", "static", "core_static", "tandem::core_static",
                              "-DBUILD_SHARED_LIBS=ON", languages="C")

    def test_a_shared_library_needs_nothing(self):
        packages = ("fmt", "spdlog", "SQLite3", "OpenSSL", "PkgConfig")
        without = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in packages]
        self.build_with_cmake("cmake-alone", "tandem", "shared", "", "tandem::tandem", *without, languages="C")
        self.assertLessEqual({name.split(".")[0] for name in needed(self.libdir / "libtandem-core.so")}, {"libfmt"})

    def test_a_static_library_names_what_is_missing(self):
        said = self.configure("cmake-missing", "core", "", "-DBUILD_SHARED_LIBS=OFF",
                              "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON", languages="C", wanted=1)
        self.assertIn('the component "core_static" of tandem needs fmt', " ".join(said.split()))

    def test_unknown_components(self):
        known = "core, core_shared, core_static, tandem, tandem_shared, tandem_static"
        for component in ("media", "core_media"):
            said = self.configure("cmake-unknown", component, "", languages="C", wanted=1)
            self.assertIn(f'tandem has no component "{component}" (those of tandem: {known})', " ".join(said.split()))

    def test_another_minor_version_does_not_fit(self):
        file = self.libdir / "cmake" / "tandem" / "tandemConfigVersion.cmake"
        script = WORK / "version.cmake"
        for wanted, fits in ((VERSION, True), ("0.0", False), ("0.999", False), ("1.0", False)):
            script.write_text(f'set(PACKAGE_FIND_VERSION {wanted})\n'
                              f'string(REPLACE "." ";" parts {wanted})\n'
                              f'list(GET parts 0 PACKAGE_FIND_VERSION_MAJOR)\n'
                              f'list(GET parts 1 PACKAGE_FIND_VERSION_MINOR)\n'
                              f'include({file})\nmessage("fits: ${{PACKAGE_VERSION_COMPATIBLE}}")\n')
            self.assertIn(f"fits: {str(fits).upper()}", output([CMAKE, "-P", script]))

    # pkg-config

    def pkg_config(self, *arguments):
        return shlex.split(output([PKG_CONFIG, *arguments], {"PKG_CONFIG_PATH": str(self.libdir / "pkgconfig")}))

    def build_with_pkg_config(self, component, kind, language):
        library = LIBRARIES[component]
        options = ["--static"] if kind == "static" else []
        cflags = self.pkg_config(*options, "--cflags", library)
        libs = self.pkg_config(*options, "--libs", library)
        if kind == "static":  # both are in the folder, and the linker prefers the shared one
            at = libs.index(f"-l{library}")
            libs[at:at + 1] = ["-Wl,--whole-archive", f"-l:lib{library}.a", "-Wl,--no-whole-archive"]
        host = WORK / f"pkg-config-{component}-{kind}-{language}"
        output([*COMPILERS[language], *WARNINGS, *SANITIZE, *cflags, HERE / f"host.{language}", "-o", host, *libs])
        self.assert_host(host, component, kind, {"LD_LIBRARY_PATH": str(self.libdir)} if kind == "shared" else {})

    def test_pkg_config(self):
        for component in LIBRARIES:
            for kind in ("shared", "static"):
                for language in COMPILERS:
                    with self.subTest(component=component, kind=kind, language=language):
                        self.build_with_pkg_config(component, kind, language)

    def test_pkg_config_of_a_shared_library_asks_for_nothing_else(self):
        for library in LIBRARIES.values():
            self.assertEqual(self.pkg_config("--modversion", library), [VERSION])
            self.assertEqual(self.pkg_config("--print-requires-private", library), [])
            self.assertEqual([word for word in self.pkg_config("--libs", library) if not word.startswith("-L")],
                             [f"-l{library}"])

    def test_first_program_of_the_readme(self):
        """Compiles and runs as it stands there, with the flags that stand below it."""
        program = re.search(r"^```c\n(.*?)^```", (SOURCE / "README.md").read_text(), re.S | re.M).group(1)
        source, host = WORK / "first.c", WORK / "first"
        source.write_text(program)
        flags = self.pkg_config("--cflags", "--libs", "tandem-core")
        output([*COMPILERS["c"], *WARNINGS, *SANITIZE, source, "-o", host, *flags])
        record = json.loads(output([host], {"LD_LIBRARY_PATH": str(self.libdir)}))
        self.assertEqual(record["end_reason"], "caller_bye")
        self.assertEqual(record["duration_us"], 60_000_500)
        self.assertEqual(record["profiles"], [{"name": "user", "value": "alice"}])

    # The tree

    def test_headers_are_those_of_the_source(self):
        def headers(root):
            return {path.relative_to(root): path.read_bytes() for path in root.glob("tandem/**/*.h*")}
        self.assertEqual(headers(self.prefix / "include"), headers(SOURCE / "include"))

    def test_nothing_names_the_folder_that_it_came_from(self):
        files = [path for path in self.prefix.rglob("*") if path.suffix in (".cmake", ".pc")]
        self.assertGreaterEqual(len(files), 8)
        for path in files:
            for folder in (SOURCE, BUILD, self.prefix):
                self.assertNotIn(str(folder), path.read_text(), path)
        for library in LIBRARIES.values():
            dynamic = output(["readelf", "-d", "-W", self.libdir / f"lib{library}.so"])
            self.assertNotRegex(dynamic, "R(UN)?PATH")

    def test_moved_elsewhere(self):
        before = self.prefix, self.libdir
        moved = WORK / "another" / "folder" / "deeper"
        moved.parent.mkdir(parents=True)
        self.prefix.rename(moved)
        type(self).prefix, type(self).libdir = moved, moved / self.libdir.relative_to(before[0])
        try:
            for kind, is_shared in (("shared", "ON"), ("static", "OFF")):
                self.build_with_cmake(f"cmake-moved-{kind}", "tandem", kind, "tandem", "tandem::tandem",
                                      f"-DBUILD_SHARED_LIBS={is_shared}", languages="C")
                self.build_with_pkg_config("core", kind, "c")
        finally:
            moved.rename(before[0])
            type(self).prefix, type(self).libdir = before

    @unittest.skipUnless(os.environ["TANDEMD"] == "1", "built without tandemd")
    def test_tandemd_runs(self):
        self.assertEqual(output([self.prefix / "bin" / "tandemd", "--version"]), f"tandemd {VERSION}\n")

    @unittest.skipUnless(os.environ["TANDEMD"] == "1", "built without tandemd")
    def test_tandemctl_comes_along_with_its_completion(self):
        self.assertIn("dlg.profile_get_size", output([self.prefix / "bin" / "tandemctl", "--help"]))
        self.assertTrue((self.prefix / "share/bash-completion/completions/tandemctl").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
