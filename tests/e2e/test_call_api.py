"""The Call API as its clients use it: WebSocket by Node's `ws`, calls between bare phones; what no client should do."""
import json
import os
import signal
import threading
import time

from admin import Admin, Refused
from call_api import Bare, Client
from harness import Cdr, Route, main
from sides import Parties, described
from sipp import wait_until
from stream import Certificates

ROUNDS = int(os.environ.get("TANDEM_E2E_ROUNDS", 100))
TALK = described("alice", 4000), described("bob", 4001)


class CallApi(Parties):
    def begin(self, *names, token="", more="", **settings):
        """The server with a Call API, and phones of these names."""
        self.open(*names, apis=self.apis(token, more), **settings)

    def apis(self, token="", more=""):
        self.api = self.ports.take()
        return (f'[admin]\nlisten = ""\n[call_api]\nlisten = "127.0.0.1:{self.api}"\n'
                f'token = "{token}"\n{more}')

    def client(self, **options):
        client = Client(self.api, **options)
        self.addCleanup(client.kill)
        return client.opened()

    def bare(self):
        bare = Bare(self.api)
        self.addCleanup(bare.close)
        return bare

    def call_up(self, name="bob"):
        """A call that is up: both of its sides."""
        return self.talk(self.phone(), name, *TALK)

    def serve(self, *sides):
        """Phones that take whatever comes until the test ends: re-INVITEs with an answer to their offer."""
        stopped = threading.Event()

        def take(side, who, port):
            while not stopped.is_set():
                message = side.raw.receive(0.05)
                if message is None or message.code is not None:
                    continue
                if message.method == "INVITE":
                    direction = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
                    asked = next((word for word in direction if f"a={word}" in str(message.body)), None)
                    side.raw.respond(message, 200, **described(who, port, direction.get(asked, "sendrecv")))
                elif message.method != "ACK":
                    side.raw.respond(message, 200)
        threads = [threading.Thread(target=take, args=(side, f"p{i}", 4100 + i), daemon=True)
                   for i, side in enumerate(sides)]
        for thread in threads:
            thread.start()

        def stop():
            stopped.set()
            for thread in threads:
                thread.join()
        self.addCleanup(stop)
        return stop

    def test_hold_resume_and_end_with_every_notification_in_order(self):
        self.begin("bob")
        client = self.client()
        caller, callee = self.call_up()
        self.serve(caller, callee)
        for call_id in caller.dialog["Call_ID"], callee.dialog["Call_ID"]:
            client.command("CallHold", "h", callid=call_id)
            events = client.events("CallHold", "h")
            self.assertEqual(events[0], ("CallHolding", None))
            for name in "CallHoldStart", "CallHoldSuccessful":
                self.assertEqual({data["leg"] for event, data in events if event == name}, {"caller", "callee"})
            self.assertEqual(events[-1], ("Ended", None))
            client.command("CallUnhold", "u", callid=call_id)
            events = client.events("CallUnhold", "u")
            self.assertEqual(events[0], ("CallUnholding", None))
            self.assertEqual([name for name, _ in events].count("CallUnholdSuccessful"), 2)
            self.assertEqual(events[-1], ("Ended", None))
        live = client.ask("CallGet", callid=callee.dialog["Call_ID"])["result"]
        self.assertEqual((live["callid"], live["state"], live["held"]),
                         (caller.dialog["Call_ID"], "confirmed", False))
        listed = client.ask("CallList")["result"]["calls"]
        self.assertEqual([call["callid"] for call in listed], [caller.dialog["Call_ID"]])
        client.command("CallEnd", "e", callid=caller.dialog["Call_ID"])
        self.assertEqual(client.events("CallEnd", "e"), [("Ended", None)])
        self.finish(Cdr("admin", answered=True))

    def test_start_calls_the_one_and_then_the_other(self):
        self.begin("alice", "bob")
        client = self.client()
        caller, callee = f"sip:alice@127.0.0.1:{self.tandemd.port}", f"sip:bob@127.0.0.1:{self.tandemd.port}"
        client.command("CallStart", "s", caller=caller, callee=callee)
        alice, got = self.side_of("alice")
        alice.answer(got, **described("alice", 4000))
        bob, rings = self.side_of("bob")
        bob.answer(rings, 180)
        bob.answer(rings, **described("bob", 4001))
        events = client.events("CallStart", "s", pending=True)
        self.assertEqual([name for name, _ in events if name != "TransferPending"],
                         ["CallerAnswered", "Transferring", "TransferStart", "CalleeAnswered", "Ended"])
        self.assertIn("TransferPending", [name for name, _ in events])
        data = dict(events)
        self.assertEqual(data["CallerAnswered"], {"caller": caller, "callee": callee})
        self.assertEqual(data["Transferring"], {"caller": caller, "destination": callee})
        self.assertTrue(data["CalleeAnswered"]["callid"])
        self.serve(alice, bob)
        client.command("CallEnd", "e", callid=data["CalleeAnswered"]["callid"])
        self.assertEqual(client.events("CallEnd", "e"), [("Ended", None)])
        self.finish(Cdr("admin", answered=True))

    def test_a_blind_transfer_brings_a_third_phone_in_or_leaves_the_call_as_it_was(self):
        self.begin("bob", "carol")
        client = self.client()
        caller, callee = self.call_up()
        self.serve(caller, callee)
        there = f"sip:carol@127.0.0.1:{self.tandemd.port}"
        client.command("CallBlindTransfer", "b", callid=caller.dialog["Call_ID"], leg="caller", destination=there)
        carol, got = self.side_of("carol")
        carol.answer(got, 486)
        events = client.events("CallBlindTransfer", "b")
        self.assertEqual([name for name, _ in events], ["Transferring", "TransferStart", "Error", "Ended"])
        self.assertIn("486", dict(events)["Error"])

        client.command("CallBlindTransfer", "b", callid=caller.dialog["Call_ID"], leg="caller", destination=there)
        carol, got = self.side_of("carol")
        carol.answer(got, **described("carol", 4002))
        self.serve(carol)
        events = client.events("CallBlindTransfer", "b")
        data = {"callid": caller.dialog["Call_ID"], "destination": there}
        self.assertEqual(events, [("Transferring", {"destination": there}), ("TransferStart", data),
                                  ("TransferSuccessful", data), ("Ended", None)])
        client.command("CallEnd", "e", callid=caller.dialog["Call_ID"])
        client.events("CallEnd", "e")
        self.wait_for_no_calls(client)

    def wait_for_no_calls(self, client):
        wait_until(lambda: not client.ask("CallList")["result"]["calls"], "no call is up")

    def test_an_attended_transfer_joins_two_calls(self):
        self.begin("bob", "carol")
        client = self.client()
        first, second = self.call_up("bob"), self.call_up("carol")
        self.serve(*first, *second)
        client.command("CallAttendedTransfer", "a", callidA=first[0].dialog["Call_ID"], legA="caller",
                       callidB=second[0].dialog["Call_ID"], legB="callee")
        events = client.events("CallAttendedTransfer", "a")
        names = [name for name, _ in events]
        self.assertEqual((names[0], names[-2:]), ("Transferring", ["TransferSuccessful", "Ended"]))
        client.command("CallEnd", "e", callid=first[0].dialog["Call_ID"])
        client.events("CallEnd", "e")
        self.wait_for_no_calls(client)

    def test_two_clients_hear_what_they_asked_for_and_one_that_is_killed_leaves_its_call(self):
        self.begin("bob", "carol")
        one, two = self.client(), self.client()
        first, second = self.call_up("bob"), self.call_up("carol")
        self.serve(*first, *second)
        for client, call in (one, first), (two, second):
            client.command("CallHold", "x", callid=call[0].dialog["Call_ID"])
        for client in one, two:
            self.assertEqual(client.events("CallHold", "x")[-1], ("Ended", None))
        one.kill()
        live = two.ask("CallGet", callid=first[0].dialog["Call_ID"])["result"]
        self.assertEqual((live["state"], live["held"]), ("confirmed", True))
        for call in first, second:
            two.command("CallEnd", "e", callid=call[0].dialog["Call_ID"])
            two.events("CallEnd", "e")
        self.wait_for_no_calls(two)

    def test_events_of_calls_come_to_who_has_subscribed(self):
        self.begin("bob")
        client = self.client()
        made = client.ask("EventSubscribe", event="dialog.state")["result"]
        caller, callee = self.call_up()
        states = []
        while not states or states[-1]["params"]["state"] != "confirmed":
            states.append(client.json())
        self.assertEqual({said["method"] for said in states}, {"Event"})
        numbers = [said["params"]["seq"] for said in states]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreater(numbers[0], made["seq"])
        self.assertIn(caller.dialog["Call_ID"], [said["params"].get("call-id") for said in states])
        self.serve(caller, callee)
        again = self.client()  # who comes later and knows where he was misses nothing (W4)
        again.say(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "EventSubscribe",
                              "params": {"event": "dialog.state", "since": numbers[0] - 1}}))
        self.assertIn("result", again.json())
        self.assertEqual(again.json()["params"]["seq"], numbers[0])
        again.close()

    def test_a_second_command_is_a_conflict_and_one_that_no_phone_answers_ends_at_its_deadline(self):
        self.begin("bob")
        one, two = self.client(), self.client()
        caller, callee = self.call_up()  # phones that answer nothing
        call_id = caller.dialog["Call_ID"]
        one.ask("CallHold", cmd_id="h", callid=call_id, **{"deadline-ms": 2000})
        self.assertEqual(one.json()["params"]["event"], "CallHolding")
        two.command("CallUnhold", "u", callid=callee.dialog["Call_ID"])
        self.assertEqual(two.events("CallUnhold", "u"),
                         [("Error", "another command is at work on this call"), ("Ended", None)])
        events = one.events("CallHold", "h")
        self.assertEqual([name for name, _ in events][-2:], ["Error", "Ended"])
        self.assertIn("408", dict(events)["Error"])
        self.serve(caller, callee)
        two.command("CallEnd", "e", callid=call_id)
        self.assertEqual(two.events("CallEnd", "e"), [("Ended", None)])
        self.finish(Cdr("admin", answered=True))

    def test_commands_that_contradict_each_other_end_once_each_and_leave_one_truth(self):
        """By two WebSockets and by HTTP, at the same time (H5)."""
        admin = Admin(self.ports.take())
        self.open("bob", apis=self.apis().replace('[admin]\nlisten = ""\n', admin.toml))
        hold, resume = self.client(), self.client()
        refusals = "another command is at work on this call", "the call is not in a state for it"
        for _ in range(4):
            sides = self.call_up()
            stop = self.serve(*sides)
            call_ids = [side.dialog["Call_ID"] for side in sides]
            for i in range(ROUNDS // 4):
                hold.send("CallHold", "h", callid=call_ids[i % 2])
                resume.send("CallUnhold", "r", callid=call_ids[i // 2 % 2])
                held, resumed = hold.told("CallHold", "h"), resume.told("CallUnhold", "r")
                failed = [dict(events)["Error"] for events in (held, resumed) if "Error" in dict(events)]
                self.assertLessEqual(len(failed), 1, "one of them is done, or one after the other")
                self.assertLessEqual(set(failed), set(refusals))
                is_held = hold.ask("CallGet", callid=call_ids[0])["result"]["held"]
                if failed:
                    self.assertEqual(is_held, "Error" in dict(resumed))
            hold.send("CallHold", "h", callid=call_ids[0])
            resume.send("CallEnd", "e", callid=call_ids[1])
            try:
                admin.call("dlg.end", call_id=call_ids[0])
            except Refused as refused:
                self.assertIn("no such call", refused.message)
            hold.told("CallHold", "h")
            resume.told("CallEnd", "e")
            self.wait_for_no_calls(hold)
            stop()
        self.finish(*[Cdr("admin", answered=True)] * 4)

    def test_it_is_spoken_over_tls_and_closed_when_the_server_ends(self):
        certificates = Certificates(self.folder)
        certificates.make("tandem", "IP:127.0.0.1")
        self.begin("bob", more='tls = true\n[tls]\ncertificate = "tandem.pem"\nkey = "tandem.key"\n')
        trusting = {"NODE_EXTRA_CA_CERTS": str(self.folder / "ca.pem")}
        client = self.client(scheme="wss", environment=trusting)
        self.assertIn("result", client.ask("CallList"))
        self.tandemd.signal(signal.SIGTERM)
        self.assertEqual(client.next(), ("closed", "1001"))
        self.assertEqual(self.tandemd.ends(), 0)

    def test_under_load_nothing_is_lost_to_who_reconnects_and_who_does_not_read_holds_up_nobody(self):
        calls = 300
        callee = self.callee("callee_basic", calls=calls)
        self.start(Route(callee.port), apis=self.apis())
        deaf = self.bare()
        self.assertEqual(deaf.upgrade(), 101)
        deaf.frame(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "EventSubscribe", "params": {}}))
        reader = self.client()
        reader.ask("EventSubscribe", event="cdr")
        caller = self.caller("caller_basic", calls=calls, rate=100, hold=0)
        seen, last = [], 0
        while len(seen) < calls / 3:
            params = reader.json()["params"]
            seen.append(params["id"])
            last = params["seq"]
        reader.kill()
        for sipp in caller, callee:
            sipp.finish()
        again = self.client()
        again.ask("EventSubscribe", event="cdr", since=last)
        while len(seen) < calls:
            params = again.json()["params"]
            self.assertEqual(params["event"], "cdr", "a gap would say what is lost")
            seen.append(params["id"])
        records = self.finish(*[Cdr("caller_bye", 200)] * calls)
        self.assertEqual(sorted(seen), sorted(record["id"] for record in records))

    def test_bad_json_and_unknown_calls_have_their_codes_and_cost_nobody_anything(self):
        self.begin("bob")
        client = self.client()
        for text, code in (("{", -32700), ("", -32700), ('{"a":1,"a":2}', -32700), ("[" * 100, -32700),
                           ('{"jsonrpc":"2.0","id":1,"method":"CallHold","params":{"callid":1}}', -32602),
                           ("[]", -32600), ("1", -32600), ('{"jsonrpc":"2.0","id":1,"method":"x"}', -32601)):
            client.say(text)
            self.assertEqual(client.json()["error"]["code"], code, text)
        answer = client.ask("CallBlindTransfer", callid="x", leg="caller", destination="sip:a\r\nX-Evil: 1@b")
        self.assertEqual(answer["error"]["code"], -32602)
        client.command("CallHold", "h", callid="nobody")
        self.assertEqual([name for name, _ in client.events("CallHold", "h")], ["Error", "Ended"])

        broken = self.bare()
        self.assertEqual(broken.upgrade(), 101)
        broken.frame(b"\xff\xfe")
        opcode, payload = broken.receive()
        self.assertEqual((opcode, payload[:2]), (8, (1007).to_bytes(2, "big")))
        huge = self.bare()
        self.assertEqual(huge.upgrade(), 101)
        huge.send(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0")
        self.assertEqual(huge.receive()[1][:2], (1009).to_bytes(2, "big"))
        self.assertIn("result", client.ask("CallList"))

    def test_the_token_and_the_origin_are_asked_for_and_guessing_is_slow(self):
        self.begin("bob", token="s3cret", more='origins = ["https://ops.example"]\n')
        for options, refused in (({}, "401"), ({"token": "wrong"}, "401"),
                                 ({"token": "s3cret", "origin": "https://evil.example"}, "403")):
            client = Client(self.api, **options)
            self.addCleanup(client.kill)
            self.assertEqual(client.next(), ("refused", refused))
        client = self.client(token="s3cret", origin="https://ops.example")
        self.assertIn("result", client.ask("CallList"))
        codes = []
        for i in range(100):
            guess = self.bare()
            codes.append(guess.upgrade(f"Authorization: Bearer {i}"))
            guess.close()
        self.assertIn(429, codes)
        self.assertLess(codes.count(401), 30)
        self.assertIn("result", client.ask("CallList"))  # who is in stays in

    def test_who_stops_reading_is_closed_and_others_are_served(self):
        self.begin("bob")
        client = self.client()
        deaf = self.bare()
        self.assertEqual(deaf.upgrade(), 101)
        echo = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "Echo", "params": {"text": "x" * 2000}})
        deaf.socket.settimeout(1)
        try:
            while True:
                deaf.frame(echo)
        except OSError:
            pass  # the server has closed, or takes no more
        start = time.monotonic()
        self.assertIn("result", client.ask("CallList"))
        self.assertLess(time.monotonic() - start, 5)
        self.assertTrue(self.tandemd.answers_options())


if __name__ == "__main__":
    main()
