"""limit-proxy with a trunk: it answers the trunk's challenges itself, and the callers keep their own numbers."""
import hashlib
import os
import re
from pathlib import Path
from unittest import mock

from examples import ExampleTest, Raw, main, wait_until

USER, REALM, PASSWORD = "tandem", "trunk.example", "not,a \"secret\""


def challenge(nonce, more=""):
    return f'Proxy-Authenticate: Digest realm="{REALM}", nonce="{nonce}", qop="auth"{more}'


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class LimitProxyTrunk(ExampleTest):
    def start_proxy(self, target, password_file=False):
        self.port = self.ports.take()
        given = ["-u", USER, "-r", REALM]
        if password_file:
            (self.folder / "password").write_text(PASSWORD + "\n")
            given += ["-p", "password"]
        with mock.patch.dict(os.environ, {} if password_file else {"LIMIT_PROXY_PASSWORD": PASSWORD}):
            self.proxy = self.start("limit-proxy", *given, self.port, f"127.0.0.1:{target}", 9, port=self.port)
        self.assertNotIn(PASSWORD.encode(), Path(f"/proc/{self.proxy.process.pid}/cmdline").read_bytes())

    def check_credentials(self, request, nonce, method=None):
        """RFC 7616 section 3.4.1, with MD5."""
        value, = request.headers("Proxy-Authorization")
        given = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', value)}
        self.assertEqual((given["username"], given["realm"], given["nonce"]), (USER, REALM, nonce))
        self.assertEqual(given["response"], md5(md5(USER, REALM, PASSWORD), nonce, given["nc"], given["cnonce"], "auth",
                                                md5(method or request.method, given["uri"])))

    def numbers(self, messages, *methods):
        return [(message.method, message.cseq) for message in messages if message.method in methods]

    def test_invite_reinvite_and_bye_are_challenged_and_the_caller_sees_its_own_numbers(self):
        callee = self.callee("callee_challenges", challenge=challenge("n1"), again=challenge("n2", ", stale=true"))
        self.start_proxy(callee.port)
        caller = self.caller("caller_holds_and_resumes", self.port)
        caller.finish()
        callee.finish()
        self.assertEqual({message.code for message in caller.received()} & {401, 407}, set())
        for response in (m for m in caller.messages(sent=False) if m.code):
            self.assertIn((response.method, response.cseq), self.numbers(caller.sent(), response.method))
        self.assertEqual(self.numbers(callee.received(), "INVITE", "ACK", "BYE"), [
            ("INVITE", 1), ("ACK", 1), ("INVITE", 2), ("ACK", 2), ("INVITE", 3), ("ACK", 3), ("INVITE", 4), ("ACK", 4),
            ("INVITE", 5), ("ACK", 5), ("BYE", 6), ("BYE", 7)])
        first, second, third, fourth, fifth = callee.received("INVITE")
        self.assertEqual(first.headers("Proxy-Authorization"), [])
        for request, nonce in ((second, "n1"), (third, "n1"), (fourth, "n2"), (fifth, "n2")):
            self.check_credentials(request, nonce)
        acks = callee.received("ACK")
        self.assertEqual([acks[0].branch, acks[2].branch], [first.branch, third.branch], "of the refused (17.1.1.3)")
        self.assertEqual(acks[0].tag("To"), callee.sent("INVITE", 407)[0].tag("To"))
        self.assertEqual(acks[1].headers("Proxy-Authorization"), second.headers("Proxy-Authorization"))
        self.assertEqual(len({message.branch for message in (first, second, third, fourth)}), 4)
        self.check_credentials(callee.received("BYE")[1], "n1")
        record, = self.proxy.wait_for_records(1)
        self.check_record(record, "caller_bye", 200)

    def test_the_trunk_hangs_up(self):
        callee = self.callee("callee_challenges_and_hangs_up", challenge=challenge("n1"))
        self.start_proxy(callee.port, password_file=True)
        caller = self.caller("caller_is_hung_up", self.port)
        caller.finish()
        callee.finish()
        self.assertEqual(self.numbers(caller.received(), "BYE"), [("BYE", 101)])
        self.assertEqual(self.numbers(callee.received(), "INVITE", "ACK"),
                         [("INVITE", 1), ("ACK", 1), ("INVITE", 2), ("ACK", 2)])
        self.check_record(self.proxy.wait_for_records(1)[0], "callee_bye", 200)

    def challenged(self, raw, trunk):
        """An INVITE as the caller sent it, and both tries as the trunk saw them."""
        sent = raw.request("INVITE")
        raw.send(sent)
        first = trunk.receive()
        trunk.respond(first, 407, tag="x", headers=[challenge("n1")])
        ack, again = trunk.receive(), trunk.receive()
        self.assertEqual((ack.method, ack.cseq, ack.branch), ("ACK", 1, first.branch))
        self.assertEqual((again.method, again.cseq), ("INVITE", 2))
        return sent, first, again

    def test_what_comes_again_is_the_same_once_more(self):
        with Raw() as trunk:
            self.start_proxy(trunk.port)
            with Raw("127.0.0.1", self.port) as raw:
                sent, first, again = self.challenged(raw, trunk)
                raw.send(sent)
                self.assertEqual(trunk.receive().raw, again.raw, "the caller's repeated INVITE is the latest try")
                trunk.respond(first, 407, tag="x", headers=[challenge("n1")])
                ack = trunk.receive()
                self.assertEqual((ack.method, ack.cseq, ack.branch), ("ACK", 1, first.branch))
                trunk.respond(again, 486, tag="busy")
                refusal = raw.receive()
                self.assertEqual((refusal.code, refusal.cseq), (486, 1), "nothing of the challenge came first")
                self.proxy.wait_for_records(1)
                trunk.respond(again, 486, tag="busy")
                self.assertEqual(raw.receive().raw, refusal.raw, "also when the call is gone")
                raw.acknowledge(refusal)
                ack = trunk.receive()
                self.assertEqual((ack.method, ack.cseq), ("ACK", 2))
                via = refusal.headers("Via")[0]
                self.assertIn(via.partition("branch=")[2], ack.headers("Via")[1])

    def test_a_prack_names_the_invite_as_the_trunk_knows_it_and_a_cancel_ends_the_latest_try(self):
        with Raw() as trunk:
            self.start_proxy(trunk.port)
            with Raw("127.0.0.1", self.port) as raw:
                sent, _, again = self.challenged(raw, trunk)
                trunk.respond(again, 183, tag="b", headers=["RSeq: 7", "Require: 100rel"])
                progress = raw.receive()
                self.assertEqual((progress.code, progress.cseq), (183, 1))
                same = {name: progress.header(name) for name in ("From", "To")}
                raw.send(raw.request("PRACK", CSeq="2 PRACK", Call_ID=progress.call_id, headers=["RAck: 7 1 INVITE"],
                                     **same))
                prack = trunk.receive()
                self.assertEqual((prack.cseq, prack.header("RAck")), (3, "7 2 INVITE"))
                trunk.respond(prack, 200)
                self.assertEqual((answer := raw.receive()).cseq, 2, answer)
                raw.send(sent.replace(b"INVITE", b"CANCEL"))
                cancel = trunk.receive()
                self.assertEqual((cancel.method, cancel.cseq, cancel.branch), ("CANCEL", 2, again.branch))

    def test_a_cancelled_invite_is_not_tried_again(self):
        with Raw() as trunk:
            self.start_proxy(trunk.port)
            with Raw("127.0.0.1", self.port) as raw:
                sent = raw.request("INVITE")
                raw.send(sent)
                first = trunk.receive()
                raw.send(sent.replace(b"INVITE", b"CANCEL"))
                self.assertEqual(trunk.receive().branch, first.branch)
                trunk.respond(first, 407, tag="x", headers=[challenge("n1")])
                self.assertEqual(raw.receive().code, 407)
        self.check_record(self.proxy.wait_for_records(1)[0], "refused", 407)

    def test_credentials_refused_twice_and_challenges_of_others_are_passed_on(self):
        with Raw() as trunk:
            self.start_proxy(trunk.port)
            with Raw("127.0.0.1", self.port) as raw:
                _, _, again = self.challenged(raw, trunk)
                trunk.respond(again, 407, tag="y", headers=[challenge("n1")])
                refusal = raw.receive()
                self.assertEqual((refusal.code, refusal.cseq, refusal.tag("To")), (407, 1, "y"))
                raw.acknowledge(refusal)
                self.assertEqual(trunk.receive().cseq, 2)
                raw.send(raw.request("INVITE"))
                trunk.respond(trunk.receive(), 407, headers=[challenge("n1").replace(REALM, "elsewhere.example")])
                self.assertEqual(raw.receive().code, 407)
        wait_until(lambda: len(self.proxy.records()) == 2, "both have a record")
        said = self.proxy.out.read_text() + self.proxy.said()
        self.assertNotIn("Digest", said)
        self.assertNotIn(PASSWORD, said)

    def test_without_a_password_it_does_not_start(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("LIMIT_PROXY_PASSWORD", None)
            proxy = self.start("limit-proxy", "-u", USER, self.ports.take(), "127.0.0.1:9", 1)
        self.assertEqual(proxy.ends(), 2)


if __name__ == "__main__":
    main()
