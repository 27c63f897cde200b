"""Stops one thread of a process and lets it go on: what a disk that does not answer looks like to the others."""
import ctypes
import os
import threading
from pathlib import Path

from sipp import wait_until

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # __WALL: of threads too


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def thread_of(pid, name):
    """The thread of this name in a process."""
    tasks = Path(f"/proc/{pid}/task")
    return next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text() == f"{name}\n")


class StoppedThread:
    """The thread of this name stands still until go_on(). It is stopped in its sleep, where it holds no lock."""

    def __init__(self, pid, name):
        tasks = Path(f"/proc/{pid}/task")
        self._thread = thread_of(pid, name)
        wait_until(lambda: "State:\tS" in (tasks / str(self._thread) / "status").read_text(), f"{name} sleeps")
        self._stopped, self._release, self._error = threading.Event(), threading.Event(), None
        self._tracer = threading.Thread(target=self._trace, daemon=True)  # only who has seized it may let it go
        self._tracer.start()
        self._stopped.wait()
        if self._error:
            raise self._error

    def _trace(self):
        try:
            _ptrace(SEIZE, self._thread)
            _ptrace(INTERRUPT, self._thread)
            os.waitpid(self._thread, WAIT_ALL)
        except OSError as error:
            self._error = error
            return
        finally:
            self._stopped.set()
        self._release.wait()
        try:
            _ptrace(DETACH, self._thread)
        except OSError:
            pass  # it has ended

    def go_on(self):
        self._release.set()
        self._tracer.join()
