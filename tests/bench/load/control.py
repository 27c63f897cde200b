#!/usr/bin/env python3
"""What a decision over HTTP costs a call: SIPp's calls through tandemd, with a decision server that takes 50 ms for
each and without, in turn. Prints failed calls, CPU per call and how memory grows; ends with 1 if a call has failed.

    TANDEMD=build/examples/tandemd/tandemd tests/bench/load/control.py [--rate 200] [--seconds 60] [--runs 2]
"""
import argparse
import asyncio
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "e2e"))

import harness  # noqa: E402
from sipp import Ports, expand, udp_port_is_open, wait_until  # noqa: E402

HOLD_MS = 1000
DELAY_S = 0.05


def serve(port, ready, asked):
    """A decision server that thinks for DELAY_S, for any number of calls at a time."""
    body = b'{"code":200,"variables":{"account":77}}'
    response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def handle(reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
                with asked.get_lock():
                    asked.value += 1
                await asyncio.sleep(DELAY_S)
                writer.write(response)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run():
        server = await asyncio.start_server(handle, "127.0.0.1", port)
        ready.set()
        await server.serve_forever()
    asyncio.run(run())


class Run:
    """One tandemd between two SIPps."""

    def __init__(self, folder, ports, url):
        self.folder, self.ports = folder, ports
        self.callee_port, self.port = ports.take(), ports.take()
        control = f'[control]\nurl = ["{url}"]\ntimeout_ms = 2000\n' if url else ""
        config = (f'[sip]\nlisten = ["udp:127.0.0.1:{self.port}"]\n[store]\npath = "tandem-{self.port}.db"\n{control}'
                  f'[[route]]\nto = ["sip:127.0.0.1:{self.callee_port}"]\ncontrol = {"true" if url else "false"}\n'
                  '[admin]\nlisten = ""\n[log]\nlevel = "info"\n')
        self.tandemd = harness.Tandemd(folder, config, port=self.port)

    def sipp(self, scenario, port, *arguments):
        path = self.folder / f"{scenario}.xml"
        path.write_text(expand(scenario, hold=HOLD_MS))
        command = [os.environ.get("SIPP", "sipp"), "-sf", path.name, "-i", "127.0.0.1", "-p", str(port), "-nostdin",
                   "-mp", str(self.ports.take()), "-trace_err", *map(str, arguments)]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                stdin=subprocess.DEVNULL)

    def load(self, calls, rate):
        """Calls at this rate, to their end; how many CPU microseconds each has taken, and whether all went well."""
        callee = self.sipp("callee_basic", self.callee_port, "-m", calls)
        wait_until(lambda: udp_port_is_open(self.callee_port), "the callee listens")
        before = self.tandemd.cpu_ns()
        caller = self.sipp("caller_basic", self.ports.take(), f"127.0.0.1:{self.port}", "-s", "bob", "-m", calls,
                           "-r", rate, "-l", 100 * rate, "-timeout", f"{2 * calls / rate + 60:g}s", "-timeout_error")
        is_good = caller.wait() == 0
        if not is_good:
            print("a call has failed:", *self.why(), sep="\n  ", flush=True)
        cpu = (self.tandemd.cpu_ns() - before) / calls / 1000
        callee.kill()
        callee.wait()
        return cpu, is_good


    def why(self):
        """What SIPp and tandemd have said last."""
        said = [line for line in self.tandemd.stderr.read_text(errors="replace").splitlines() if " info " not in line]
        for file in self.folder.glob("*_errors.log"):
            said += [line for line in file.read_text(errors="replace").splitlines() if "Aborting" in line][:3]
            file.unlink()
        return [line[:200] for line in said[-8:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=2)
    arguments = parser.parse_args()
    folder, ports = Path(tempfile.mkdtemp(prefix="tandem-control-", dir=harness.in_memory())), Ports()
    ready, asked, port = multiprocessing.Event(), multiprocessing.Value("Q", 0), ports.take()
    server = multiprocessing.Process(target=serve, args=(port, ready, asked), daemon=True)
    server.start()
    ready.wait()
    failed = False
    try:
        for run in range(arguments.runs):
            for url in (f"http://127.0.0.1:{port}/api/callcontrol", None):
                one = Run(folder, ports, url)
                one.load(arguments.rate * 5, arguments.rate)  # everything has its memory
                time.sleep(1)
                sizes = [one.tandemd.resident_kb()]
                costs, is_good = [], True
                for _ in range(3):
                    cpu, went_well = one.load(arguments.rate * arguments.seconds // 3, arguments.rate)
                    is_good = is_good and went_well
                    costs.append(cpu)
                    sizes.append(one.tandemd.resident_kb())
                print(f"run {run + 1} {'with control' if url else 'without     '}: "
                      f"{arguments.rate * arguments.seconds} calls at {arguments.rate}/s, "
                      f"CPU per call {' '.join(f'{cost:.0f}' for cost in costs)} us, "
                      f"resident {' '.join(map(str, sizes))} kB, descriptors {one.tandemd.descriptors()} "
                      f"(at the start {one.tandemd.descriptors_at_start}){'' if is_good else ', CALLS FAILED'}",
                      flush=True)
                failed = failed or not is_good
                one.tandemd.kill()
        print(f"{asked.value} questions")
    finally:
        server.kill()
        ports.release()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
