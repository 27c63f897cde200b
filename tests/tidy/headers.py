#!/usr/bin/env python3
"""Compiles every internal header alone. The compiler cache makes a second run quick.

A header that is the first thing its source includes was compiled so with the library, and is left out.

    headers.py ROOT MODULES_JSON WORK_DIR
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

import report

SYSTEM_DIRS = ("/usr/include",)  # the compiler's own: naming it would hide its C++ headers


def is_compiled_alone(root, module, header):
    """With the library: its source begins with it, and a second time it is nothing."""
    source = header.removesuffix(".hpp") + ".cpp"
    if source not in module["sources"]:
        return False
    folder = os.path.join(root, "lib", module["name"])
    with open(os.path.join(folder, source), encoding="utf-8") as file:
        first = re.search(r"^#include .*", file.read(), re.MULTILINE)
    with open(os.path.join(folder, header), encoding="utf-8") as file:
        is_guarded = re.search(r"^#pragma once$", file.read(), re.MULTILINE)
    return bool(first and is_guarded) and first[0] == f'#include "{module["name"]}/{header}"'


def compile_alone(build, header, dirs, root, work):
    source = os.path.join(work, header.replace("/", "__") + ".cpp")
    with open(source, "w", encoding="utf-8") as file:
        file.write(f'#include "{header}"\n#include "{header}" // twice, for its guard\n')
    command = [build["launcher"]] if build["launcher"] else []
    command += [build["compiler"], "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
    for folder in dirs:
        if folder not in SYSTEM_DIRS:
            command += ["-I" if folder.startswith(root) else "-isystem", folder]
    result = subprocess.run(command + ["-c", source, "-o", source[:-4] + ".o"], capture_output=True, text=True)
    if result.returncode == 0:
        return None
    reason = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr[:200])
    return f"lib/{header}: does not compile alone: {reason}"


def check(root, build, work):
    os.makedirs(work, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compile_alone, build, f"{module['name']}/{header}", module["include_dirs"], root, work)
                for module in build["modules"]
                for header in module["headers"] + module["sources"]
                if header.endswith(".hpp") and not is_compiled_alone(root, module, header)]
        return [problem for problem in (job.result() for job in jobs) if problem]


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        report.finish("headers", check(os.path.abspath(sys.argv[1]), json.load(file), sys.argv[3]))
