"""tandemd killed at the Nth of its system calls of one kind (strace), before the kernel does that one."""
import shutil
import subprocess
import threading
import unittest

from harness import end_with_test
from sipp import PATIENCE, wait_until


def inject(call, number):
    """strace's arguments; a number counts from 1 in each thread."""
    if not shutil.which("strace"):
        raise unittest.SkipTest("needs strace (Debian package strace)")
    return ["strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:signal=KILL:when={number}"]


class KilledAt:
    """From now on: the calls are counted once it is made. All threads are traced, or one alone."""

    def __init__(self, tandemd, call, number, thread=None):
        command = [word for word in inject(call, number) if word != "-q" and (word != "-f" or not thread)]
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
