"""A baresip without a screen or a sound card: a phone that is told what to do over its control port."""
import json
import shutil
import socket
import subprocess
import time
import unittest
from pathlib import Path

from kamailio import end_with_test, wait_until
from sipp import PATIENCE

CONFIG = """sip_listen {host}:{port}
net_interface {host}
rtp_ports {rtp}-{rtp_last}
audio_source aubridge,{user}
audio_player aubridge,{user}
audio_alert aubridge,alert
module_path {modules}
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
MODULES = "/usr/lib/baresip/modules"


class Baresip:
    """The process. `port` begins eight that are its own: SIP, SIP over TLS, the control port, media. It registers
    nowhere unless `account` says so: its address, and parameters of baresip's."""

    def __init__(self, folder, user, port, answers="manual", host="127.0.0.1", account=None):
        program = shutil.which("baresip")
        if not program:
            raise unittest.SkipTest("needs baresip")
        self.user, self.port, self.events, self._rest = user, port, [], b""
        folder = Path(folder) / f"baresip-{user}"
        folder.mkdir()
        (folder / "config").write_text(CONFIG.format(user=user, host=host, port=port, control=port + 2, rtp=port + 4,
                                                     rtp_last=port + 7, modules=MODULES))
        account = account or f"<sip:{user}@{host}:{port}>;regint=0"
        (folder / "accounts").write_text(f"{account};answermode={answers}\n")
        (folder / "contacts").write_text("")
        self.log = folder / "baresip.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([program, "-f", str(folder)], cwd=folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, preexec_fn=end_with_test)
        self.control = wait_until(self._connect, f"{user}'s baresip takes commands")

    def _connect(self):
        if self.process.poll() is not None:
            raise AssertionError(f"baresip has ended: {self.log.read_text(errors='replace')}")
        try:
            return socket.create_connection(("127.0.0.1", self.port + 2))
        except OSError:
            return None

    def tell(self, command, argument=""):
        """A command of its menu; commands and events are netstrings with JSON."""
        data = json.dumps({"command": command, "params": argument, "token": "test"}).encode()
        self.control.sendall(b"%d:%s," % (len(data), data))

    def hears(self, kind):
        """Waits for an event of this type, one that came before included; gives its parameter."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self._take_events()
            for event in self.events:
                if event["type"] == kind:
                    self.events.remove(event)
                    return event.get("param", "")
            self.control.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.control.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"{self.user}'s baresip has no {kind}, but {self.events}: "
                                     f"{self.log.read_text(errors='replace')[-2000:]}")
            self._rest += data

    def _take_events(self):
        while b":" in self._rest:
            size, _, rest = self._rest.partition(b":")
            if len(rest) <= int(size):
                return
            message, self._rest = json.loads(rest[:int(size)]), rest[int(size) + 1:]
            if message.get("event"):
                self.events.append(message)

    def stop(self):
        self.control.close()
        self.process.kill()
        self.process.wait()
