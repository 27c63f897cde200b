"""What the checkers share: walking the tree, reading sources, reporting."""

import os
import re
import sys

OUTSIDE = {".git", "__pycache__"}


def files(root, *parts):
    """Paths below root/parts, relative to root, sorted; without .git and build folders."""
    found = []
    for folder, folders, names in os.walk(os.path.join(root, *parts)):
        top = os.path.samefile(folder, root)
        folders[:] = [f for f in folders if f not in OUTSIDE and not (top and re.match(r"build(-|$)", f))]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """C++ source with comments and the contents of literals blanked; line numbers stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        text = match.group()
        kept = '""' if text[-1] == '"' else "''" if text[-1] == "'" else " "
        return kept + "\n" * text.count("\n")

    return token.sub(blank, text)


def finish(name, problems):
    for problem in problems:
        print(problem)
    print(f"{name}: {len(problems)} problem(s)" if problems else f"{name}: in order")
    sys.exit(1 if problems else 0)
