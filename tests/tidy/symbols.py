#!/usr/bin/env python3
"""Compares what the shared libraries export with lib/capi/tandem.map and with the functions of the public headers.

Both export what is marked TANDEM_API; libtandem.so alone has TANDEM_SIP_API too.

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


def declared(text, mark):
    """The functions that a C header marks with TANDEM_API, or with TANDEM_SIP_API."""
    text = re.sub(r"^[ \t]*#.*$", "", report.without_comments(text), flags=re.M)
    return set(re.findall(rf"\b{mark}\b[^;(]*?\b(\w+)\s*\(", text))


def exported(library):
    """The names that a shared library defines for others; its version nodes ("A") are not among them."""
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in lines.splitlines() if line.split()[-2] != "A"}


def compare(map_names, core_names, sip_names, all_exported, core_exported):
    """core_names are marked TANDEM_API in the headers, sip_names TANDEM_SIP_API."""
    problems = [f"{name}: marked TANDEM_API and TANDEM_SIP_API" for name in sorted(core_names & sip_names)]
    for what, names in [("the public headers", core_names | sip_names), ("libtandem.so", all_exported)]:
        problems += [f"{name}: in lib/capi/tandem.map, not in {what}" for name in sorted(map_names - names)]
        problems += [f"{name}: in {what}, not in lib/capi/tandem.map" for name in sorted(names - map_names)]
    for name in sorted(core_names - core_exported):
        problems.append(f"{name}: marked TANDEM_API, not in libtandem-core.so; TANDEM_SIP_API if it parses SIP")
    for name in sorted(core_exported - core_names):
        problems.append(f"{name}: in libtandem-core.so, not marked TANDEM_API")
    return problems


def check(root, all_library, core_library):
    headers = [report.read(root, path) for path in report.files(root, "include") if path.endswith(".h")]
    core_names, sip_names = (set().union(*(declared(text, mark) for text in headers))
                             for mark in ("TANDEM_API", "TANDEM_SIP_API"))
    names = mapped(report.read(root, "lib/capi/tandem.map"))
    return compare(names, core_names, sip_names, exported(all_library), exported(core_library))


if __name__ == "__main__":
    report.finish("symbols", check(*sys.argv[1:4]))
