#!/usr/bin/env python3
"""Compares what the shared libraries export with lib/capi/tandem.map and with the functions of the public headers.

    symbols.py ROOT LIBTANDEM_SO LIBTANDEM_CORE_SO
"""

import re
import subprocess
import sys

import report


def mapped(text):
    """The global names of a version script."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = set()
    for section in re.findall(r"global:(.*?)(?:local:|\})", text, re.S):
        names |= {name for name in re.split(r"[;\s]+", section) if name}
    return names


def declared(text):
    """The functions that a C header marks with TANDEM_API."""
    text = re.sub(r"^[ \t]*#.*$", "", report.without_comments(text), flags=re.M)
    return set(re.findall(r"\bTANDEM_API\b[^;(]*?\b(\w+)\s*\(", text))


def exported(library):
    """The names that a shared library defines for others; its version nodes ("A") are not among them."""
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in lines.splitlines() if line.split()[-2] != "A"}


def compare(map_names, header_names, all_exported, core_exported):
    problems = []
    for what, names in [("the public headers", header_names), ("libtandem.so", all_exported)]:
        problems += [f"{name}: in lib/capi/tandem.map, not in {what}" for name in sorted(map_names - names)]
        problems += [f"{name}: in {what}, not in lib/capi/tandem.map" for name in sorted(names - map_names)]
    for name in sorted(core_exported - map_names):
        problems.append(f"{name}: in libtandem-core.so, not in lib/capi/tandem.map")
    if not core_exported:
        problems.append("libtandem-core.so exports nothing")
    return problems


def check(root, all_library, core_library):
    headers = set()
    for path in report.files(root, "include"):
        if path.endswith(".h"):
            headers |= declared(report.read(root, path))
    names = mapped(report.read(root, "lib/capi/tandem.map"))
    return compare(names, headers, exported(all_library), exported(core_library))


if __name__ == "__main__":
    report.finish("symbols", check(*sys.argv[1:4]))
