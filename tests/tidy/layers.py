#!/usr/bin/env python3
"""Holds every include of lib/ to its module's USES and to the layers, and the I/O to the folders above the I/O line.

    layers.py ROOT MODULES_JSON     MODULES_JSON is written at configuration: build/modules.json
"""

import json
import os
import re
import sys

import report

# Top to bottom. A module uses modules of its own row or below.
LAYERS = [
    ["capi_auth", "capi_cluster", "capi_sip"],
    ["capi"],
    ["node"],
    ["callapi", "control", "media"],
    ["net", "storage"],
    ["call"],
    ["registrar", "trunk", "cdr", "cluster"],
    ["transaction", "dialog", "event"],
    ["sip", "sdp", "auth", "json"],
    ["metrics", "base"],
]
IO_LINE = 5  # rows from here on: no socket, no file, no clock, no thread

# Libraries of others that stay in their folders. The last column: a header of the folder may carry it outside.
ADAPTERS = [
    (r"sofia-sip/", ["sip/", "sdp/"], False),
    (r"sqlite3\.h", ["storage/sqlite/"], False),
    (r"hiredis/", ["storage/redis/"], False),
    (r"boost/", ["net/"], True),
    (r"curl/", ["net/"], False),
    (r"ares\.h", ["net/"], False),
    (r"openssl/", ["net/", "auth/"], False),
    (r"spdlog/", ["node/"], True),
    (r"toml\+\+/", ["node/"], False),
    (r"re2/", ["node/"], False),
    (r"prometheus/", ["metrics/"], False),
    (r"nlohmann/", ["json/", "storage/", "call/"], True),
    (r"tandem/", ["capi/", "capi_auth/", "capi_cluster/", "capi_sip/"], True),
]

# Below the line: the standard library without what waits, reads or tells the time, and what converts values. A mutex
# may guard what the threads of a host share; no thread is made, and none waits for another's work.
BELOW_BANNED = set(
    "barrier condition_variable csignal ctime filesystem fstream future iostream latch semaphore shared_mutex "
    "stop_token thread".split())
BELOW_ALLOWED = r"[a-z_]+|fmt/.*|sofia-sip/.*|openssl/.*|nlohmann/.*|prometheus/.*|arpa/inet\.h|netinet/in\.h"
BELOW_CALLS = re.compile(
    r"::now\s*\(|\b(?:clock_gettime|gettimeofday|getrandom|getenv|fopen|popen|usleep|nanosleep|pthread_\w+)\s*\("
    r"|\brandom_device\b|\btime\s*\(\s*(?:0|NULL|nullptr|&\w+)\s*\)|::time\s*\(|::(?:socket|open|read|write)\s*\("
    r"|\bthread_local\b")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.M)


def row(module):
    return next((i for i, names in enumerate(LAYERS) if module in names), None)


def check_uses(modules):
    for module in modules.values():
        mine = row(module["name"])
        if mine is None:
            yield f"lib/{module['name']}: not in any layer of DESIGN section 2 (tests/tidy/layers.py)"
            continue
        for used in module["uses"]:
            theirs = row(used)
            if theirs is not None and theirs < mine:
                yield f"lib/{module['name']}/CMakeLists.txt: USES {used}, which is a layer above"


def closure(modules, name):
    seen, todo = set(), [name]
    while todo:
        module = todo.pop()
        if module not in seen and module in modules:
            seen.add(module)
            todo += modules[module]["uses"]
    return seen


def outside_adapter(path, header):
    """The folders that may include this foreign header, if the file at `path` is not in one of them."""
    for pattern, folders, carried in ADAPTERS:
        if re.match(pattern, header) and not any(path.startswith("lib/" + folder) for folder in folders):
            return folders, carried
    return None


def check_file(path, text, modules, foreign):
    module = path.split("/")[1]
    below = row(module) is not None and row(module) >= IO_LINE
    allowed = closure(modules, module)
    for match in INCLUDE.finditer(text):
        where = f"{path}:{text.count(chr(10), 0, match.start(1 if match[1] else 2)) + 1}"
        if match[2]:
            folder = match[2].split("/")[0]
            if "/" not in match[2]:
                yield f"{where}: \"{match[2]}\": write the path from lib/: \"{module}/{match[2]}\""
            elif folder not in allowed:
                yield f"{where}: \"{match[2]}\": {folder} is not in the USES of {module}"
            elif folder != module and match[2][len(folder) + 1:] in modules[folder]["sources"]:
                yield f"{where}: \"{match[2]}\" is among the SOURCES of {folder}: its own business"
            for header in sorted(foreign.get("lib/" + match[2], ())):
                outside = outside_adapter(path, header)
                if outside and not outside[1]:
                    yield f"{where}: \"{match[2]}\" brings <{header}>, which stays in {' '.join(outside[0])}"
        else:
            outside = outside_adapter(path, match[1])
            if outside:
                yield f"{where}: <{match[1]}> stays in {' '.join(outside[0])}"
            elif below and (match[1] in BELOW_BANNED or not re.fullmatch(BELOW_ALLOWED, match[1])):
                yield f"{where}: <{match[1]}>: {module} is below the I/O line"
    if below:
        for match in BELOW_CALLS.finditer(report.without_comments(text)):
            line = match.string.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match[0]}: {module} is below the I/O line; time and randomness are arguments"


def foreign_headers(sources):
    """For every file the adapter headers that it brings, itself or by the headers of ours that it includes."""
    includes = {path: [m for m in INCLUDE.finditer(text)] for path, text in sources.items()}
    known = {}

    def brought(path):
        if path not in known:
            known[path] = set()  # an include cycle ends here
            for match in includes.get(path, ()):
                known[path] |= brought("lib/" + match[2]) if match[2] else {match[1]}
        return known[path]

    return {path: {h for h in brought(path) if any(re.match(a[0], h) for a in ADAPTERS)} for path in sources}


def check(root, modules):
    modules = {module["name"]: module for module in modules}
    problems = list(check_uses(modules))
    sources = {p: report.read(root, p) for p in report.files(root, "lib") if p.endswith((".hpp", ".cpp"))}
    foreign = foreign_headers(sources)
    for path, text in sources.items():
        module, _, name = path[len("lib/"):].partition("/")
        if module not in modules:
            problems.append(f"{path}: lib/CMakeLists.txt adds no module {module}")
            continue
        if name not in modules[module]["headers"] + modules[module]["sources"]:
            problems.append(f"{path}: not listed in lib/{module}/CMakeLists.txt")
        problems += check_file(path, text, modules, foreign)
    return problems


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        report.finish("layers", check(os.path.abspath(sys.argv[1]), json.load(file)["modules"]))
