#!/usr/bin/env python3
"""Checks the top level, file and folder names, width, tabs, line ends, and the README of each module.

    names.py ROOT
"""

import os
import re
import sys

import report

TOP = {"CMakeLists.txt", "README.md", "LICENSE", "include", "lib", "bindings", "examples", "tests", "cmake"}
SNAKE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*(\.[a-z0-9]+)*")
PROGRAM = re.compile(r"examples/[a-z0-9]+(-[a-z0-9]+)+/")  # the folder has the name of its program
OTHER_NAMES = re.compile(r"CMakeLists\.txt|README\.md|LICENSE|__init__\.py|\..+|(Tandem|Find)\w*\.cmake(\.in)?")
TEXT = (".cpp", ".hpp", ".h", ".c", ".py", ".sh", ".cmake", ".txt", ".md", ".toml", ".map", ".sql")
WIDTH = 120
README_LINES = 40


def check_name(path):
    for name in PROGRAM.sub("examples/", path).split("/"):
        if not SNAKE.fullmatch(name) and not OTHER_NAMES.fullmatch(name):
            yield f"{path}: {name} is not snake_case"
            return


def check_text(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH:
            yield f"{path}:{number}: {len(line)} columns, {WIDTH} are the limit"
        if "\t" in line:
            yield f"{path}:{number}: a tab"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: does not end with one newline"
    lines = text.count("\n")
    if os.path.basename(path) == "README.md" and "/" in path and lines > README_LINES:
        yield f"{path}: {lines} lines, {README_LINES} are the limit"


def check(root):
    problems = []
    for name in sorted(os.listdir(root)):
        if name not in TOP and not name.startswith(".") and not re.match(r"build(-|$)", name):
            problems.append(f"{name}: not an agreed entry of the top level")
    for path in report.files(root):
        problems += check_name(path)
        if path.endswith(TEXT):
            try:
                problems += check_text(path, report.read(root, path))
            except UnicodeDecodeError:
                problems.append(f"{path}: not UTF-8")
    lib = os.path.join(root, "lib")
    for name in sorted(os.listdir(lib)):
        if os.path.isdir(os.path.join(lib, name)) and not os.path.exists(os.path.join(lib, name, "README.md")):
            problems.append(f"lib/{name}: no README.md")
    return problems


if __name__ == "__main__":
    report.finish("names", check(os.path.abspath(sys.argv[1])))
