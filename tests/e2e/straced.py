"""tandemd whose system calls of one kind rest, or kill it before the kernel does the Nth (strace)."""
import shutil
import subprocess
import threading
import unittest

from harness import end_with_test
from sipp import PATIENCE, wait_until


def at(number):
    """What kills the process at this call; a number counts from 1 in each thread."""
    return f"signal=KILL:when={number}"


def inject(call, what):
    """strace's arguments."""
    if not shutil.which("strace"):
        raise unittest.SkipTest("needs strace (Debian package strace)")
    return ["strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:{what}"]


class Injected:
    """From now on, in all threads or in one alone."""

    def __init__(self, tandemd, call, what, thread=None):
        command = [word for word in inject(call, what) if word != "-q" and (word != "-f" or not thread)]
        self._strace = subprocess.Popen([*command, "-p", str(thread or tandemd.process.pid)], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=end_with_test)
        said = []
        threading.Thread(target=lambda: said.extend(self._strace.stderr), daemon=True).start()
        wait_until(lambda: said or self._strace.poll() is not None, "strace has attached", PATIENCE)
        if "attached" not in "".join(said):
            raise unittest.SkipTest(f"may not trace: {said}")

    def let_go(self):
        """The process goes on without it, if it has not been killed."""
        self._strace.terminate()
        self._strace.wait()
        self._strace.stderr.close()


class KilledAt(Injected):
    """The calls are counted once it is made."""

    def __init__(self, tandemd, call, number, thread=None):
        super().__init__(tandemd, call, at(number), thread)
