"""Kamailio as a proxy beside tandemd: configured, started and stopped by the test."""
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from harness import Raw  # noqa: E402
from sipp import end_with_test, wait_until  # noqa: E402

START = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
auto_aliases=no
enable_tls=no
disable_tcp={disable_tcp}
{listen}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "xlog.so"
"""

# A proxy as its manual has it, and strict: every message passes all of its sanity checks; in a dialog nothing goes but
# by a Route that names it; a Contact has to be the address that the message came from.
CONFIG = """
modparam("rr", "enable_double_rr", {double_rr})
modparam("rr", "append_fromtag", 1)

request_route {{
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (!sanity_check("17895", "7")) {{ xlog("L_ERR", "INSANE $rm from $si:$sp\\n"); exit; }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        else xlog("L_ERR", "STRAY CANCEL from $si:$sp\\n");
        exit;
    }}
    if (is_method("INVITE|UPDATE") && !($(ct{{tobody.uri}}{{uri.host}}) == $si
                                        && $(ct{{tobody.uri}}{{uri.port}}) == $sp)) {{
        xlog("L_ERR", "CONTACT $ct from $si:$sp\\n");
        sl_send_reply("400", "Contact Is Elsewhere");
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}  # that of a refusal
        xlog("L_ERR", "NO ROUTE $rm $ru from $si:$sp\\n");
        if (!is_method("ACK")) sl_send_reply("404", "Not By This Way");
        exit;
    }}
    if (is_present_hf("Route")) loose_route();
    t_on_reply("CHECK");
    {out}
    record_route();
    if (!t_relay()) sl_reply_error();
}}

onreply_route[CHECK] {{
    if (status=~"2[0-9][0-9]" && is_method("INVITE") && !($(ct{{tobody.uri}}{{uri.host}}) == $si
                                                         && $(ct{{tobody.uri}}{{uri.port}}) == $sp))
        xlog("L_ERR", "CONTACT $ct of a $rs from $si:$sp\\n");
}}
"""
# The edge proxy of phones (RFC 3327): a REGISTER goes on with its Path, and a call to a phone has to come by that.
EDGE = """
loadmodule "path.so"

request_route {{
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (!sanity_check("17895", "7")) {{ xlog("L_ERR", "INSANE $rm from $si:$sp\n"); exit; }}
    if (is_method("REGISTER")) {{
        add_path();
        $du = "sip:127.0.0.1:{home}";
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag() && is_method("ACK") && t_check_trans()) {{ t_relay(); exit; }}
    if (!is_present_hf("Route") || (!loose_route() && has_totag())) {{  # false as well where no other Route follows
        xlog("L_ERR", "NO ROUTE $rm $ru from $si:$sp\n");
        if (!is_method("ACK")) sl_send_reply("404", "Not By This Way");
        exit;
    }}
    if (!has_totag()) record_route();
    t_relay();
}}
"""
COMPLAINTS = ("INSANE", "STRAY", "CONTACT", "NO ROUTE", "ERROR", "CRITICAL", "BUG")


class Kamailio:
    """The process. `way` is from the port that an INVITE comes in at to (the port that it leaves by, its next hop);
    another port to leave by makes two Record-Routes of one hop."""

    def __init__(self, folder, way):
        ports = sorted({*way, *(leaves for leaves, _ in way.values())})
        out = "\n    ".join(f'if ($Rp == {port}) {{ $du = "sip:127.0.0.1:{hop}"; $fs = "udp:127.0.0.1:{leaves}"; }}'
                            for port, (leaves, hop) in way.items())
        self._start(folder, next(iter(way)), ports, CONFIG.format(out=out, double_rr=1))

    def _start(self, folder, port, ports, routing):
        program = shutil.which("kamailio") or (os.access("/usr/sbin/kamailio", os.X_OK) and "/usr/sbin/kamailio")
        if not program:
            raise unittest.SkipTest("needs kamailio")
        self.folder = Path(folder) / f"kamailio-{port}"
        self.folder.mkdir()
        self.port = port
        config = self.folder / "kamailio.cfg"
        listen = "\n".join(f"listen=udp:127.0.0.1:{port}" for port in ports)
        config.write_text(START.format(listen=listen, disable_tcp="yes") + routing)
        self.log = self.folder / "kamailio.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([program, "-DD", "-E", "-f", str(config), "-w", str(self.folder),
                                             "-Y", str(self.folder), "-m", "32", "-M", "4"], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            preexec_fn=end_with_test, start_new_session=True)
        wait_until(self._answers, f"kamailio answers: {self.log.read_text(errors='replace')[-2000:]}")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"kamailio has ended: {self.log.read_text(errors='replace')[-2000:]}")
        with Raw("127.0.0.1", self.port) as raw:
            raw.send(raw.request("OPTIONS"))
            try:
                return raw.receive(0.2)
            except OSError:  # its port is not open yet
                return None

    def complaints(self):
        return [line for line in self.log.read_text(errors="replace").splitlines()
                if any(word in line for word in COMPLAINTS)]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class EdgeProxy(Kamailio):
    """The process between phones and `home`, the port where their registrar is."""

    def __init__(self, folder, port, home):
        self._start(folder, port, [port], EDGE.format(home=home))
