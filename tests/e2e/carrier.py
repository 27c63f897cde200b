"""Whom a trunk registers with: Kamailio as a carrier's registrar, and a bare socket for what no Kamailio does."""
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import unittest
from pathlib import Path

from harness import EndToEnd, Raw, Route
from sipp import Message, end_with_test, wait_until

USER, PASSWORD, REALM = "tandem", "geheim", "carrier"

# Digest as its manual has it, each nonce count checked; bindings in memory. Who asks without a Contact needs no
# password: that is how a test looks at the bindings. A call to a registered user goes to where he is, any other to the
# callee.
CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
enable_tls=no
disable_tcp={disable_tcp}
listen={transport}:127.0.0.1:{port}
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", {min_expires})
modparam("registrar", "min_expires_mode", 1)
modparam("registrar", "max_expires", {max_expires})
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "nonce_expire", {nonce_expire})
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if (is_present_hf("Contact")) {{
            xlog("L_NOTICE", "REGISTER $fU $ci $cs $hdr(Expires) $hdr(Contact)\\n");
            if (!pv_auth_check("{realm}", "{password}", "0", "1")) {{ auth_challenge("{realm}", "1"); exit; }}
        }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not By This Way");
        exit;
    }}
    record_route();
    if (!lookup("location")) $du = "sip:127.0.0.1:{callee}";
    if (!t_relay()) sl_reply_error();
}}
"""


class Kamailio:
    """The process, ready; what it forgets when it ends is everything."""

    def __init__(self, folder, port, transport="udp", callee=9, min_expires=1, max_expires=3600, nonce_expire=300):
        program = shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin")
        if not program:
            raise unittest.SkipTest("needs kamailio")
        self.port, self.transport, self.callee = port, transport, callee
        self._folder = Path(folder) / f"kamailio-{port}"
        self._folder.mkdir(exist_ok=True)
        self._config = self._folder / "kamailio.cfg"
        self._config.write_text(CONFIG.format(
            port=port, transport=transport, disable_tcp="no" if transport == "tcp" else "yes", realm=REALM,
            password=PASSWORD, callee=callee, min_expires=min_expires, max_expires=max_expires,
            nonce_expire=nonce_expire))
        self._program, self._log = program, self._folder / "kamailio.log"
        self.start()

    def start(self):
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "-DD", "-E", "-f", str(self._config), "-w", str(self._folder), "-Y",
                 str(self._folder), "-m", "32", "-M", "4"], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, preexec_fn=end_with_test, start_new_session=True)
        wait_until(self._answers, f"kamailio answers: {self.log()[-2000:]}")

    def raw(self):
        if self.transport == "udp":
            return Raw("127.0.0.1", self.port)
        from stream import Connection
        return Connection("127.0.0.1", self.port)

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"kamailio has ended: {self.log()[-2000:]}")
        try:
            with self.raw() as raw:
                raw.send(raw.request("OPTIONS"))
                return raw.receive(0.2)
        except OSError:  # its port is not open yet
            return None

    def log(self):
        return self._log.read_text(errors="replace")

    def bindings(self, user=USER):
        """What it has of the user: the URIs with their seconds."""
        with self.raw() as raw:
            answer = raw.ask(raw.request("REGISTER", user=user, without=("Contact",)))
        assert answer.code == 200, answer
        found = {}
        for line in answer.headers("Contact"):
            for contact in line.split(", "):
                uri, _, params = contact.partition(">")
                found[uri.strip(" <")] = int(params.partition("expires=")[2].partition(";")[0])
        return found

    def registers(self, user=USER):
        """Each REGISTER with a Contact that has come: Call-ID, CSeq, Expires and Contact."""
        lines = [line.partition(f"REGISTER {user} ")[2].split() for line in self.log().splitlines()]
        return [(line[0], int(line[1]), *line[2:]) for line in lines if line]

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait()


class Faulty:
    """A registrar on a bare socket: `answer` makes the whole answer to each REGISTER (None: nothing) from the REGISTER
    and how many came before it; see reply(). What is sent again by UDP is counted in `repeated` and left alone."""

    def __init__(self, answer):
        self.answer = answer
        self.raw = Raw()
        self.port = self.raw.port
        self.times, self.requests, self.repeated = [], [], 0  # of each new REGISTER
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        answers = {}
        while not self._is_over.is_set():
            request = self.raw.receive(0.05)
            if request is None or request.method != "REGISTER" or request.code is not None:
                continue
            if request.branch not in answers:
                answers[request.branch] = self.answer(request, len(self.requests))
                self.times.append(time.monotonic())
                self.requests.append(request)
            else:
                self.repeated += 1
            if answers[request.branch] is not None:
                self.raw.reply(answers[request.branch])

    def stop(self):
        self._is_over.set()
        self._thread.join()
        self.raw.socket.close()


def reply(request: Message, code, *lines, tag="registrar"):
    """The answer as bytes."""
    head = [f"SIP/2.0 {code} Raw", *[f"Via: {via}" for via in request.headers("Via")],
            f"To: {request.header('To')};tag={tag}",
            *[f"{name}: {request.header(name)}" for name in ("From", "Call-ID", "CSeq")]]
    return "\r\n".join([*head, *lines, "Content-Length: 0", "", ""]).encode()


def accept(request, expires=600):
    """200 with the Contact of the REGISTER."""
    return reply(request, 200, f"Contact: {request.header('Contact')};expires={expires}")


def trunk(name, port, more="", to=None, user=USER, password=PASSWORD, expires=600, retry=1):
    """A [[trunk]] that is to be registered with."""
    return (f'[[trunk]]\nname = "{name}"\nuri = "sip:{to or f"127.0.0.1:{port}"}"\nusername = "{user}"\n'
            f'password = "{password}"\nregister = true\nexpires_s = {expires}\nretry_s = {retry}\n{more}\n')


class Registrations(EndToEnd):
    """What all tests here have: tandemd, its table `trunk`, and registrars."""

    def kamailio(self, port=None, **settings):
        started = Kamailio(self.folder, port or self.ports.take(), **settings)
        self.addCleanup(started.stop)
        return started

    def faulty(self, answer):
        started = Faulty(answer)
        self.addCleanup(started.stop)
        return started

    def start_with(self, *trunks, to=("carrier",), more="", **settings):
        """tandemd with these trunks and a route to some targets, TOML where they are no names."""
        route = Route(0)
        targets = ", ".join(one if one.startswith(("[", '"')) else f'"{one}"' for one in to)
        route.toml = lambda host: f"[[route]]\nto = [{targets}]\nring_timeout_ms = 20000\n{more}\n"
        self.start(route, profiles="".join(trunks), **settings)

    def row(self, name="carrier"):
        """How the trunk stands; {} if there is no row."""
        return next(iter(self.rows("SELECT * FROM trunk WHERE name = ?", name)), {})

    def wait_for(self, state, name="carrier", **columns):
        """The row, once it says so."""
        wanted = {"state": state} | columns
        seen = {}

        def stands():
            seen.clear()
            seen.update(self.row(name))
            return wanted.items() <= seen.items()
        try:
            wait_until(stands, f"{name} {wanted}")
        except AssertionError as error:
            self.fail(f"{error}; it is {seen}; {self.said()[-2000:]}")
        return dict(seen)

    def call_refused(self):
        """The refusal of a call, and how long it took."""
        with self.tandemd.raw() as raw:
            began = time.monotonic()
            return raw.ask(raw.request("INVITE")), time.monotonic() - began

    def proxied(self):
        """A callee behind the carrier."""
        return self.callee("callee_behind_proxy")

    def call(self, callee):
        """A call that only this callee takes."""
        caller = self.caller("caller_basic", hold=50)
        for sipp in (caller, callee):
            sipp.finish()
        return caller

    def end(self):
        """SIGTERM; how long it took. No secret is left behind."""
        began = time.monotonic()
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(self.tandemd.ends(), 0)
        took = time.monotonic() - began
        self.check_no_secrets()
        self.check_store()
        return took

    def check_no_secrets(self):
        for path in self.folder.iterdir():
            if path.name.startswith(("tandemd-", "tandem.db")):
                found = re.search(rb"geheim|falsch|Digest |response=|nonce=", path.read_bytes())
                self.assertIsNone(found, path.name)
