"""A network namespace for one test program: SIP's own port is free, and loss hits nobody else.

It goes with the last process in it, so that nothing is left to clean up.
"""
import ctypes
import os
import subprocess
import unittest

NEW_USER, NEW_NET = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def _unshare(flags):
    if _libc.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter():
    """Takes this process and all that it starts from now on into a namespace with nothing but lo.

    For setUpModule: skips the tests of the module, with the reason, where the right or a program is missing.
    """
    try:
        if os.geteuid() == 0:
            _unshare(NEW_NET)
        else:  # the right to do so comes with a user namespace, where the kernel gives one to everybody
            user, group = os.geteuid(), os.getegid()
            _unshare(NEW_USER | NEW_NET)
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(text)
        run("ip", "link", "set", "lo", "up")
    except (OSError, AssertionError) as reason:
        raise unittest.SkipTest(f"needs a network namespace: {reason}") from None


def run(*command, text=None):
    """A command that has to succeed; gives what it prints."""
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode:
        raise AssertionError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


class Loss:
    """While it is entered, datagrams are lost at random: (percent, which of them, as nft says it) each."""

    def __init__(self, *rules):
        self.rules = rules

    def __enter__(self):
        rules = "\n".join(f"{match} {self.chance(percent)} counter drop" for percent, match in self.rules)
        run("nft", "-f", "-", text=f"""table inet loss {{
            chain input {{
                type filter hook input priority 0;
                {rules}
            }}
        }}""")
        return self

    @staticmethod
    def chance(percent):
        return f"numgen random mod 1000 < {round(percent * 10)}" if percent < 100 else ""

    def __exit__(self, *_):
        run("nft", "delete", "table", "inet", "loss")

    def lost(self):
        """How many each rule has taken so far."""
        listed = run("nft", "list", "chain", "inet", "loss", "input")
        return [int(line.partition("packets ")[2].split()[0]) for line in listed.splitlines() if " drop" in line]
