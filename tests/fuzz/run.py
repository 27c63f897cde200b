#!/usr/bin/env python3
"""Runs one program of this folder: first its kept corpus once, then new inputs for a time.

    run.py BUILD NAME [--seconds N] [--max-len N] [OPTION...]     BUILD: the build folder of cmake/fuzz.cmake

What is found stays in BUILD/found/NAME, and an input that fails in BUILD/failed/NAME. Further options go to libFuzzer.
"""

import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--max-len", type=int, default=8192)
    args, options = parser.parse_known_args()

    build = os.path.abspath(args.build)
    corpus = os.path.join(HERE, "corpus", args.name)
    found = os.path.join(build, "found", args.name)
    failed = os.path.join(build, "failed", args.name)
    for folder in (found, failed):
        os.makedirs(folder, exist_ok=True)
    command = [os.path.join(build, "tests", "fuzz", "tandem_fuzz_" + args.name), "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={failed}{os.sep}"]

    kept = sorted(os.path.join(corpus, name) for name in os.listdir(corpus))
    status = subprocess.run([*command, *kept], check=False).returncode if kept else 0
    if status:
        print(f"fuzz: {args.name} fails with a file of {corpus}, the last that is named above", flush=True)
        return status
    status = subprocess.run([*command, f"-max_total_time={args.seconds}", f"-max_len={args.max_len}",
                             f"-dict={os.path.join(HERE, 'sip.dict')}", "-print_final_stats=1", *options, found,
                             corpus], check=False).returncode
    if status:
        print(f"fuzz: {args.name} fails with an input that is kept in {failed}, its name stands above", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
