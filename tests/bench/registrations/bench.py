#!/usr/bin/env python3
"""REGISTER with digest: CPU per registration of tandemd beside Kamailio's registrar, by turns, on the same load.

    TANDEMD=build/examples/tandemd/tandemd tests/bench/registrations/bench.py [--runs 3] [kamailio tandem tandem-sqlite]

A registration is REGISTER, 401, REGISTER with credentials, 200, from SIPp, by MD5, which SIPp and Kamailio have.
CPU is user and system time of all processes of the server, from /proc (10 ms steps), between the warm-up (each user
once) and a second after the last answer; what it uses when idle is less than a step. A run with a failed registration
is reported as such and does not count.
"""
import argparse
import contextlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORT, LOAD_PORT = 15060, 15100

TANDEM = """[sip]
listen = ["udp:127.0.0.1:{port}"]
domains = ["127.0.0.1"]
[store]
path = "{store}"
[admin]
listen = ""
[log]
level = "warn"
[registrar]
realm = "bench"
algorithms = ["MD5"]
users = {{ {users} }}
"""

# Credentials by pv_auth_check, MD5, the nonce count checked; bindings in memory (usrloc's db_mode 0).
KAMAILIO = """#!KAMAILIO
debug=0
log_stderror=yes
children=2
listen=udp:127.0.0.1:{port}
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
modparam("auth", "nc_array_size", 1048576)
modparam("auth", "nonce_expire", 300)
request_route {{
    if (!is_method("REGISTER")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    if (!pv_auth_check("bench", "secret", "0", "1")) {{ auth_challenge("bench", "1"); exit; }}
    if (!save("location")) sl_reply_error();
    exit;
}}
"""

SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="register">
  <send retrans="500"><![CDATA[
    REGISTER sip:127.0.0.1 SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[field0]@127.0.0.1>;tag=[call_number]
    To: <sip:[field0]@127.0.0.1>
    Call-ID: [call_id]
    CSeq: 1 REGISTER
    Contact: <sip:[field0]@127.0.0.1:[local_port]>
    Expires: 3600
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
    REGISTER sip:127.0.0.1 SIP/2.0
    Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
    From: <sip:[field0]@127.0.0.1>;tag=[call_number]
    To: <sip:[field0]@127.0.0.1>
    Call-ID: [call_id]
    CSeq: 2 REGISTER
    Contact: <sip:[field0]@127.0.0.1:[local_port]>
    [field1]
    Expires: 3600
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


def stat(pid):
    """Parent and clock ticks of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1]), int(fields[11]) + int(fields[12])


def ticks_of(root):
    """Of a process and all that came of it."""
    table = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            table[int(entry.name)] = stat(int(entry.name))
    family, total = {root}, table[root][1]
    while True:
        found = [pid for pid, (parent, _) in table.items() if parent in family and pid not in family]
        if not found:
            return total
        for pid in found:
            family.add(pid)
            total += table[pid][1]


def command(kind, folder, users):
    if kind.startswith("tandem"):
        store = folder / "tandem.db" if kind == "tandem-sqlite" else ""
        names = ", ".join(f'u{i} = "secret"' for i in range(users))
        (folder / "tandemd.toml").write_text(TANDEM.format(port=PORT, store=store, users=names))
        return [os.environ.get("TANDEMD", "tandemd"), "--config", str(folder / "tandemd.toml")]
    program = os.environ.get("KAMAILIO") or shutil.which("kamailio") or "/usr/sbin/kamailio"
    (folder / "kamailio.cfg").write_text(KAMAILIO.format(port=PORT))
    return [program, "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-w", str(folder), "-Y", str(folder),
            "-P", str(folder / "pid"), "-m", "512", "-M", "16", "-x", "fm", "-X", "fm"]


def is_open(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def register(folder, count, rate):
    """Places so many registrations; returns how many failed."""
    run = subprocess.run(
        ["sipp", "-sf", str(folder / "register.xml"), "-inf", str(folder / "users.csv"), "-i", "127.0.0.1",
         "-p", str(LOAD_PORT), f"127.0.0.1:{PORT}", "-m", str(count), "-r", str(rate), "-l", "2000", "-nostdin",
         "-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1", "-timeout", str(count // rate + 60)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    lines = (folder / "stat.csv").read_text().splitlines()
    last = dict(zip(lines[0].split(";"), lines[-1].split(";")))
    done = int(last["SuccessfulCall(C)"])
    return count - done if run.returncode == 0 or done < count else 1


def measure(kind, options):
    """Microseconds of CPU for a registration, and how many failed."""
    folder = Path(tempfile.mkdtemp(prefix="registrations-"))
    (folder / "register.xml").write_text(SCENARIO)
    lines = [f"u{i};[authentication username=u{i} password=secret]" for i in range(options.users)]
    (folder / "users.csv").write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n")
    log = (folder / "log").open("w")
    process = subprocess.Popen(command(kind, folder, options.users), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 15
        while not is_open(PORT):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{kind} does not start: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        failed = register(folder, options.users, options.rate)
        count = options.rate * options.secs
        before = ticks_of(process.pid)
        failed += register(folder, count, options.rate)
        time.sleep(1)
        ticks = ticks_of(process.pid) - before
        return ticks * 1e6 / os.sysconf("SC_CLK_TCK") / count, failed
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=400)
    parser.add_argument("--secs", type=int, default=20)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("kinds", nargs="*", default=["kamailio", "tandem", "tandem-sqlite"])
    options = parser.parse_args()
    results = {kind: [] for kind in options.kinds}
    for _ in range(options.runs):
        for kind in options.kinds:
            cost, failed = measure(kind, options)
            print(f"{kind}: {cost:.0f} us, {failed} failed", flush=True)
            if not failed:
                results[kind].append(cost)
    for kind, costs in results.items():
        if costs:
            median = statistics.median(costs)
            print(f"{kind:15} {median:6.0f} us a registration, {1e6 / median:6.0f} a second and core "
                  f"({min(costs):.0f} to {max(costs):.0f} us, {len(costs)} runs)")


if __name__ == "__main__":
    main()
