"""By which way what is left of a call goes after tandemd was killed: over new connections, over a phone's flow, and to
every target that rang."""
from harness import Cdr, Route, main
from registering import DOMAIN, PASSWORDS, USERS, Registering, registrar, to
from restarting import TALK, Pending
from sides import Side, target_of
from sipp import Message
from stream import Connection, Listener

NOWHERE = "10.255.255.1:5060"  # what a phone behind a NAT takes for its address


class Connections(Pending):
    def listen(self):
        listener = Listener("127.0.0.1", self.ports.take())
        self.addCleanup(listener.close)
        return listener

    def test_both_sides_are_reached_over_new_connections(self):
        """All connections have ended with the process; a side's Contact says where it takes others."""
        callees, callers = self.listen(), self.listen()
        self.start(Route(callees.port, transport="tcp"), transports=("udp", "tcp"))
        connection = Connection("127.0.0.1", self.tandemd.port)
        self.addCleanup(connection.__exit__)
        contact = f"<sip:raw@127.0.0.1:{callers.port};transport=tcp>"
        invite = Message(connection.request("INVITE", Contact=contact))
        connection.send(invite.raw)
        accepted = callees.accept()
        got = accepted.expect("INVITE")
        accepted.respond(got, 200)
        answer = connection.expect("INVITE", 200)
        caller = Side(connection, invite.header("From"), answer.header("To"), invite.call_id, target_of(answer), 1)
        caller.send("ACK")
        accepted.expect("ACK")
        self.tandemd.restart()
        caller.raw = Connection("127.0.0.1", self.tandemd.port)
        self.addCleanup(caller.raw.__exit__)
        info = caller.send("INFO")
        accepted = callees.accept()
        accepted.respond(accepted.expect("INFO"), 200)
        self.assertEqual(caller.final(info).code, 200)
        there = Connection("127.0.0.1", self.tandemd.port)
        self.addCleanup(there.__exit__)
        callee = Side(there, got.header("To") + ";tag=raw", got.header("From"), got.call_id, target_of(got), 100)
        bye = callee.send("BYE")
        back = callers.accept()
        end = back.expect("BYE")
        self.assertEqual((end.call_id, end.tag("To")), (invite.call_id, invite.tag("From")))
        back.respond(end, 200)
        self.assertEqual(callee.final(bye).code, 200)
        self.finish(Cdr("callee_bye", 200))


class Flows(Pending):
    def test_a_phone_behind_a_nat_is_reached_where_it_registered_from(self):
        self.raws = {"bob": self.opened()}
        self.start(to('"registered"'), profiles=registrar(USERS), domains=[DOMAIN])
        bob = self.raws["bob"]
        bob.tandemd_port = self.tandemd.port
        phone = Registering(bob, "bob", PASSWORDS["bob"])
        self.assertEqual(phone.register(f"<sip:bob@{NOWHERE}>").code, 200)
        caller, invite = self.send_invite(self.phone(), "bob", **TALK[0])
        callee, got = self.side_of("bob")
        bob.host = NOWHERE.partition(":")[0]  # as its Contact has it
        callee.answer(got, **TALK[1])
        bob.host = "127.0.0.1"
        self.accept(caller, invite)
        callee.request("ACK")
        self.die()
        self.passes_with(caller, callee)
        self.passes_with(callee, caller)
        self.ends_by(caller, callee)
        self.finish(Cdr("caller_bye", 200))


class Targets(Pending):
    def open_targets(self, is_parallel):
        self.raws = {name: self.opened() for name in ("one", "two")}
        uris = ", ".join(f'"sip:127.0.0.1:{raw.port}"' for raw in self.raws.values())
        route = Route(0)
        route.toml = lambda host: f"[[route]]\nto = [{f'[{uris}]' if is_parallel else uris}]\nring_timeout_ms = 20000\n"
        self.start(route)
        for raw in self.raws.values():
            raw.tandemd_port = self.tandemd.port

    def test_all_that_ring_at_once_are_cancelled(self):
        self.open_targets(is_parallel=True)
        caller, invite = self.send_invite(self.phone(), "bob", **TALK[0])
        rung = []
        for name in self.raws:
            callee, got = self.side_of(name)
            callee.answer(got, 180, tag=name)
            rung.append((callee, got))
            caller.take(lambda m: m.code == 180)
        self.die()
        self.refused(caller, invite)
        for callee, got in rung:
            self.cancelled(callee, got)
        self.finish(Cdr("restart", 487, rang=True))

    def test_a_target_that_had_refused_before_is_left_alone(self):
        self.open_targets(is_parallel=False)
        caller, invite = self.send_invite(self.phone(), "bob", **TALK[0])
        first, got = self.side_of("one")
        first.answer(got, 503)
        first.request("ACK")
        second, got = self.side_of("two")
        second.answer(got, 180)
        caller.take(lambda m: m.code == 180)
        self.die()
        self.refused(caller, invite)
        self.cancelled(second, got)
        self.assertFalse(first.keep(0.1))
        self.finish(Cdr("restart", 487, rang=True))


if __name__ == "__main__":
    main()
