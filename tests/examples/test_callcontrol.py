"""callcontrol: tandemd asks it about SIPp's calls, and it decides by its table of addresses and numbers."""
import os
import subprocess
import sys
from pathlib import Path

import examples  # noqa: F401  (finds tests/e2e)
from harness import Cdr, EndToEnd, Route, main
from sipp import end_with_test, port_is_open, wait_until

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "callcontrol" / "callcontrol.py"
ADDRESSES = '[[address]]\nnetwork = "127.0.0.0/8"\nreason = "IP Auth Failed"\n'


class CallControl(EndToEnd):
    def begin(self, table=None, **trunks):
        """tandemd and the example, with its own table or this one; a callee for each trunk and one for the rest."""
        self.table = PROGRAM.with_name("callcontrol.toml")
        if table is not None:
            self.table = self.folder / "table.toml"
            self.table.write_text(table)
        port = self.ports.take()
        program = subprocess.Popen([sys.executable, PROGRAM, "--table", self.table, "--listen", f"127.0.0.1:{port}"],
                                   stdout=subprocess.DEVNULL, preexec_fn=end_with_test)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        wait_until(lambda: port_is_open(port, "tcp"), "callcontrol listens")
        self.other = self.callee("callee_basic", calls=10)
        self.carrier = self.callee("callee_basic", calls=10)
        self.start(Route(self.other.port, more="control = true"),
                   profiles=f'[control]\nurl = ["http://127.0.0.1:{port}/api/callcontrol"]\ntimeout_ms = 5000\n'
                            f'[[trunk]]\nname = "carrier"\nuri = "sip:127.0.0.1:{self.carrier.port}"\n')

    def refused(self, user, code, reason):
        caller = self.caller("caller_refused", user=user, code=code)
        caller.finish()
        self.assertEqual(caller.received("INVITE", code)[0].reason, reason)

    def talks(self, user):
        self.caller("caller_basic", user=user, hold=0).finish()

    def test_its_own_table_bars_a_number_and_leads_another_one_to_the_trunk_with_a_new_prefix(self):
        self.begin()
        self.refused("0900123", 403, "Premium Numbers Are Barred")
        self.talks("0046812345")
        self.talks("alice")
        [to_carrier] = self.carrier.received("INVITE")
        self.assertTrue(to_carrier.uri.startswith("sip:+46812345@"), to_carrier.uri)
        [to_other] = self.other.received("INVITE")
        self.assertTrue(to_other.uri.startswith("sip:alice@"), to_other.uri)
        records = self.finish(Cdr("refused", 403), Cdr("caller_bye", 200), Cdr("caller_bye", 200))
        self.assertEqual(sorted(record["trunk"] or "" for record in records), ["", "", "carrier"])

    def test_an_address_is_refused_and_a_table_that_has_changed_is_read_again(self):
        self.begin(ADDRESSES)
        self.refused("alice", 403, "IP Auth Failed")
        self.table.write_text("")
        os.utime(self.table, ns=(1, 1))  # whatever the clock of the file system says
        self.talks("alice")
        self.finish(Cdr("refused", 403), Cdr("caller_bye", 200))


if __name__ == "__main__":
    main()
