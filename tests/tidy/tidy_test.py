#!/usr/bin/env python3
"""Shows that each checker can fail: bad trees in a temporary folder, and a good one beside them."""

import os
import shutil
import tempfile
import unittest

import headers
import layers
import names
import report
import symbols


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tandem-tidy-")
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text=""):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def assert_only(self, problems, *parts):
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])


def module(name, uses=(), headers=(), sources=()):
    return {"name": name, "uses": list(uses), "headers": list(headers), "sources": list(sources), "include_dirs": []}


class Layers(Tree):
    def check(self, path, text, *modules):
        self.write("lib/" + path, text)
        folder, _, name = path.partition("/")
        kind = "headers" if name.endswith(".hpp") else "sources"
        return layers.check(self.root, [*modules, module(folder, [m["name"] for m in modules], **{kind: [name]})])

    def test_what_uses_allows_is_in_order(self):
        base = module("base", headers=["a.hpp"])
        self.write("lib/base/a.hpp", "#include <vector>\n#include <fmt/format.h>\n")
        self.assertEqual(self.check("sip/b.cpp", '#include "base/a.hpp"\n#include <sofia-sip/sip.h>\n', base), [])

    def test_include_against_uses(self):
        self.assert_only(self.check("sip/a.cpp", '\n#include "dialog/b.hpp"\n'), "lib/sip/a.cpp:2", "not in the USES")

    def test_include_by_a_longer_way_is_allowed(self):
        modules = [module("base"), module("sip", ["base"]), module("transaction", ["sip"], sources=["a.cpp"])]
        self.write("lib/transaction/a.cpp", '#include "base/b.hpp"\n')
        self.assertEqual(layers.check(self.root, modules), [])

    def test_uses_upward(self):
        self.assert_only(self.check("base/a.cpp", "", module("call")), "USES call", "layer above")

    def test_module_in_no_layer(self):
        self.assert_only(self.check("helpers/a.cpp", ""), "not in any layer")

    def test_short_path(self):
        self.assert_only(self.check("sip/a.cpp", '#include "b.hpp"\n'), "write the path")

    def test_private_header(self):
        self.write("lib/sip/own.hpp")
        sip = module("sip", sources=["own.hpp"])
        self.assert_only(self.check("call/a.cpp", '#include "sip/own.hpp"\n', sip), "its own business")

    def test_folder_without_module(self):
        self.write("lib/sip/a.cpp", '#include "base/b.hpp"\n')
        self.assert_only(layers.check(self.root, []), "adds no module sip")

    def test_unlisted_file(self):
        self.write("lib/sip/forgotten.cpp")
        self.assert_only(layers.check(self.root, [module("sip")]), "forgotten.cpp: not listed")

    def test_foreign_headers_stay_in_their_folders(self):
        for path, header in [("dialog/a.cpp", "sofia-sip/sip.h"), ("storage/a.cpp", "sqlite3.h"),
                             ("node/a.cpp", "boost/asio.hpp"), ("net/a.cpp", "spdlog/spdlog.h"),
                             ("node/b.cpp", "tandem/version.h")]:
            with self.subTest(header=header):
                self.setUp()
                self.assert_only(self.check(path, f"#include <{header}>\n"), header, "stays in")

    def test_foreign_header_brought_by_one_of_ours(self):
        self.write("lib/sip/b.hpp", "#include <sofia-sip/sip.h>\n")
        sip = module("sip", headers=["b.hpp"])
        self.assert_only(self.check("call/a.cpp", '#include "sip/b.hpp"\n', sip), "brings <sofia-sip/sip.h>")

    def test_io_below_the_line(self):
        for text in ["#include <thread>", "#include <condition_variable>", "#include <fstream>",
                     "#include <sys/socket.h>", "#include <unistd.h>",
                     "auto t = std::chrono::steady_clock::now();", "auto t = time(nullptr);",
                     "std::random_device seed;"]:
            with self.subTest(text=text):
                self.setUp()
                self.assert_only(self.check("call/a.cpp", text + "\n"), "below the I/O line")

    def test_io_above_the_line_and_in_comments_is_fine(self):
        self.assertEqual(self.check("net/a.cpp", "#include <thread>\nauto t = Clock::now();\n"), [])
        self.setUp()
        self.assertEqual(self.check("call/a.cpp", "// never Clock::now()\nconst char *s = \"time(0)\";\n"), [])


class Headers(Tree):
    def check(self, text, source=None):
        self.write("lib/base/a.hpp", text)
        self.write("lib/base/a.cpp", source or "")
        base = module("base", headers=["a.hpp"], sources=["a.cpp"] if source else [])
        base["include_dirs"] = [os.path.join(self.root, "lib")]
        build = {"compiler": os.environ.get("CXX", "c++"), "launcher": "", "modules": [base]}
        return headers.check(self.root, build, os.path.join(self.root, "work"))

    def test_complete(self):
        self.assertEqual(self.check("#pragma once\n#include <cstdint>\nstruct A { std::uint8_t a; };\n"), [])

    def test_missing_include(self):
        self.assert_only(self.check("#pragma once\nstruct A { std::uint8_t a; };\n"), "lib/base/a.hpp", "alone")

    def test_missing_guard(self):
        self.assert_only(self.check("struct A {};\n"), "redefinition")

    def test_what_a_source_begins_with_was_compiled_with_it(self):
        text = "#pragma once\nstruct A { std::uint8_t a; };\n"
        self.assertEqual(self.check(text, '// First.\n#include "base/a.hpp"\n#include <cstdint>\n'), [])
        self.assert_only(self.check(text, '#include <cstdint>\n#include "base/a.hpp"\n'), "alone")
        self.assert_only(self.check("struct A {};\n", '#include "base/a.hpp"\n'), "redefinition")


class Symbols(Tree):
    def test_readers(self):
        script = "/* x; */ V_0 { global: a; b; local: *; }; V_1 { global: c; } V_0;"
        self.assertEqual(symbols.mapped(script), {"a", "b", "c"})
        header = ("#define X TANDEM_API int no(void);\n/* TANDEM_API int no(void); */\nint internal(void);\n"
                  "TANDEM_API const char *\nyes(int a);\nTANDEM_SIP_API int parse(void);\n")
        self.assertEqual(symbols.declared(header, "TANDEM_API"), {"yes"})
        self.assertEqual(symbols.declared(header, "TANDEM_SIP_API"), {"parse"})

    def test_equal(self):
        self.assertEqual(symbols.compare({"a", "b"}, {"a", "b"}, set(), {"a", "b"}, {"a", "b"}), [])
        self.assertEqual(symbols.compare({"a", "sip"}, {"a"}, {"sip"}, {"a", "sip"}, {"a"}), [])

    def test_each_difference(self):
        a, sip = {"a"}, {"a", "sip"}
        self.assert_only(symbols.compare(a, a, set(), {"a", "leak"}, a), "leak: in libtandem.so")
        self.assert_only(symbols.compare(a, a, set(), a, {"a", "leak"}), "leak: in libtandem-core.so")
        self.assert_only(symbols.compare(a, a, {"new"}, a, a), "new: in the public headers")
        self.assert_only(symbols.compare({"a", "old"}, a, set(), {"a", "old"}, a), "old: in lib/capi/tandem.map")
        self.assert_only(symbols.compare(sip, sip, set(), sip, a), "sip: marked TANDEM_API, not in libtandem-core.so")
        self.assert_only(symbols.compare(sip, a, {"sip"}, sip, sip), "sip: in libtandem-core.so, not marked TANDEM_API")
        self.assert_only(symbols.compare(sip, a, {"sip"}, a, a), "sip: in lib/capi/tandem.map, not in libtandem.so")
        self.assert_only(symbols.compare(a, a, a, a, a), "a: marked TANDEM_API and TANDEM_SIP_API")


class Names(Tree):
    def setUp(self):
        super().setUp()
        self.write("lib/base/README.md", "base\n")

    def test_in_order(self):
        self.write("CMakeLists.txt", "x\n")
        self.write("cmake/TandemModule.cmake", "x\n")
        self.write("examples/two-words/two_words.c", "x\n")
        self.write("build/Any Thing.txt", "\t")
        self.write(".git/ANY")
        self.assertEqual(names.check(self.root), [])

    def test_each_fault(self):
        for path, text, part in [("Makefile", "", "top level"), ("lib/base/FooBar.cpp", "", "snake_case"),
                                 ("lib/base/foo-bar/a.cpp", "", "snake_case"),
                                 ("examples/two-words/two-words.c", "", "snake_case"),
                                 ("lib/base/a.cpp", "x" * 121 + "\n", "121 columns"),
                                 ("lib/base/a.cpp", "\tx;\n", "a tab"), ("lib/base/a.cpp", "x \n", "blanks"),
                                 ("lib/base/a.cpp", "x", "newline"), ("lib/sip/a.cpp", "", "no README.md"),
                                 ("lib/base/README.md", "x\n" * 41, "41 lines")]:
            with self.subTest(path=path, part=part):
                self.setUp()
                self.write(path, text)
                self.assertTrue(any(part in problem for problem in names.check(self.root)), names.check(self.root))


class Report(unittest.TestCase):
    def test_blanking_keeps_lines(self):
        text = report.without_comments("a; /* b\n c */ d; // e\n\"f\\\"g\" 1'000 'h'\n")
        self.assertEqual(text, "a;  \n d;  \n\"\" 1'000 ''\n")


if __name__ == "__main__":
    unittest.main()
