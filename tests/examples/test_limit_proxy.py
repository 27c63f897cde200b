"""limit-proxy: calls through it, a limit for each user, whatever the callers do."""
import random
import time
from collections import Counter

from examples import ExampleTest, Message, Raw, main, wait_until
from torture import garbage, torture


class LimitProxy(ExampleTest):
    def start_proxy(self, target, limit):
        self.port = self.ports.take()
        self.proxy = self.start("limit-proxy", self.port, f"127.0.0.1:{target}", limit, port=self.port)
        return self.proxy

    def held(self, user):
        """A call that is up until sign() ends it."""
        caller = self.caller("caller_waits_for_a_sign", self.port, user)
        caller.wait_for("INVITE", 200)
        wait_until(lambda: caller.sent("ACK"), "the caller's ACK")
        return caller

    def release(self, caller, records):
        self.sign(caller)
        caller.finish()
        self.proxy.wait_for_records(records)

    def refused(self, user):
        caller = self.caller("caller_refused", self.port, user, code=503)
        caller.finish()
        return caller

    def test_the_third_call_of_a_user_is_refused_until_one_has_ended(self):
        callee = self.callee("callee_is_held_and_resumed", calls=4)
        proxy = self.start_proxy(callee.port, 2)
        first, second = self.held("alice"), self.held("alice")

        refused = self.refused("alice")
        response = refused.received("INVITE", 503)[0]
        self.assertRegex(response.header("Retry-After"), r"^\d+$")
        self.assertTrue(response.tag("To"))
        record, = proxy.wait_for_records(1)
        self.check_record(record, "limit", 503)
        self.assertEqual(record["call_id"], response.call_id)

        carol = self.held("carol")
        self.release(first, 2)
        again = self.held("alice")
        for count, caller in enumerate((second, carol, again), start=3):
            self.release(caller, count)
        callee.finish()
        records = proxy.records()
        self.assertEqual(Counter(record["end_reason"] for record in records), {"caller_bye": 4, "limit": 1})
        self.assertEqual(len(callee.received("INVITE")), 4 * 3, "the refused one did not pass; each has two re-INVITEs")
        self.assertEqual([m for m in callee.received("ACK") if m.call_id == response.call_id], [])
        users = Counter(record["profiles"][0]["value"] for record in records if record["profiles"])
        self.assertEqual(users, {"alice": 3, "carol": 1})
        for record in records:
            self.assertLess(abs(record["ended_us"] - time.time_ns() // 1000), 600_000_000, "UTC in microseconds")

    def test_messages_pass_as_a_stateless_proxy_passes_them(self):
        with Raw() as target:
            self.start_proxy(target.port, 1)
            here = f"127.0.0.1:{self.port}"
            with Raw("127.0.0.1", self.port) as raw:
                sent = raw.request("INVITE", body="v=0\r\n", headers=["Record-Route: <sip:192.0.2.1;lr>"])
                raw.send(sent)
                invite = target.receive()
                self.assertRegex(invite.headers("Via")[0], rf"^SIP/2.0/UDP {here};branch=z9hG4bK\w+")
                self.assertIn(f";received=127.0.0.1;rport={raw.port};branch=", invite.headers("Via")[1])
                self.assertEqual(invite.headers("Record-Route"), [f"<sip:in-call@{here};lr>", "<sip:192.0.2.1;lr>"])
                self.assertEqual((invite.header("Max-Forwards"), invite.uri), ("69", Message(sent).uri))
                self.assertEqual(invite.body, b"v=0\r\n")
                raw.send(sent)
                self.assertEqual(target.receive().raw, invite.raw, "a retransmission is the same once more")

                target.respond(invite, 200)
                answer = raw.receive()
                self.assertEqual(answer.headers("Via"), invite.headers("Via")[1:])

                # Requests inside the call go both ways by the route set, and no further through the proxy than it.
                route = [f"Route: {', '.join(invite.headers('Record-Route')[:1])}"]
                to_tag = {"To": answer.header("To"), "Call_ID": invite.call_id, "From": invite.header("From")}
                for method, cseq in (("ACK", 1), ("INFO", 2)):
                    raw.send(raw.request(method, uri=f"sip:bob@127.0.0.1:{target.port};line=9", headers=route,
                                         CSeq=f"{cseq} {method}", **to_tag))
                    inside = target.receive()
                    self.assertEqual((inside.method, inside.headers("Route"), inside.headers("Record-Route")),
                                     (method, [], []))
                    self.assertEqual(inside.uri, f"sip:bob@127.0.0.1:{target.port};line=9")
                    self.assertNotEqual(inside.branch, invite.branch)
                target.tandemd_port = self.port
                back = {"To": invite.header("From"), "From": answer.header("To"), "Call_ID": invite.call_id}
                target.send(target.request("BYE", uri=f"sip:raw@127.0.0.1:{raw.port}", headers=route, **back))
                bye = raw.receive()
                self.assertEqual((bye.method, bye.headers("Route"), len(bye.headers("Via"))), ("BYE", [], 2))
                raw.respond(bye, 200)
                self.assertEqual(target.receive().code, 200)

                # The next hop is another one.
                target.send(target.request("INFO", uri="sip:raw@192.0.2.1", To="<sip:a@b>;tag=x", headers=[
                    f"Route: <sip:in-call@{here};lr>, <sip:127.0.0.1:{raw.port};lr>"]))
                self.assertEqual(raw.receive().headers("Route"), [f"<sip:127.0.0.1:{raw.port};lr>"])
        self.check_record(self.proxy.wait_for_records(1)[0], "callee_bye", 200)

    def test_calls_follow_the_route_set(self):
        port = self.ports.take()
        target = self.start("sofia-nta", port, port=port)
        self.start_proxy(port, 1)
        caller = self.caller("caller_basic", self.port, hold=10)
        caller.finish()
        answer, bye = caller.received("INVITE", 200)[0], caller.sent("BYE")[0]
        self.assertEqual(bye.headers("Route"), answer.headers("Record-Route"))
        self.assertIn("in-call@", bye.header("Route"))
        for example in (self.proxy, target):
            self.check_record(example.wait_for_records(1)[0], "caller_bye", 200)

    def test_the_callee_hangs_up(self):
        callee = self.callee("callee_hangs_up")
        self.start_proxy(callee.port, 1)
        caller = self.caller("caller_is_hung_up", self.port)
        caller.finish()
        callee.finish()
        bye = caller.received("BYE")[0]
        self.assertEqual((bye.headers("Route"), len(bye.headers("Via"))), ([], 2))  # back to the caller
        record, = self.proxy.wait_for_records(1)
        self.check_record(record, "callee_bye", 200)
        self.assertEqual(record["q850"], 16)

    def test_a_call_cancelled_or_refused_frees_its_place(self):
        callee = self.callee("callee_rings", calls=3)
        self.start_proxy(callee.port, 1)
        for count in range(1, 4):
            self.caller("caller_cancels", self.port).finish()
            self.check_record(self.proxy.wait_for_records(count)[-1], "cancelled", 487)
        callee.finish()
        for invite, cancel, ack in zip(*[callee.received(method) for method in ("INVITE", "CANCEL", "ACK")]):
            self.assertEqual({cancel.branch, ack.branch}, {invite.branch}, "all of one transaction (section 16.11)")

    def test_a_refusal_of_the_target_passes_and_frees_its_place(self):
        callee = self.callee("callee_refuses", code=486, reason="Busy Here", headers="", calls=2)
        self.start_proxy(callee.port, 1)
        for count in (1, 2):
            self.caller("caller_refused", self.port, code=486).finish()
            self.check_record(self.proxy.wait_for_records(count)[-1], "refused", 486)
        callee.finish()

    def test_an_invite_that_comes_again_is_one_call(self):
        callee = self.callee("callee_is_held_and_resumed")
        self.start_proxy(callee.port, 1)
        held = self.held("raw")
        with Raw("127.0.0.1", self.port) as raw:
            invite = raw.request("INVITE")
            answers = []
            for _ in range(3):
                raw.send(invite)
                answers.append(raw.receive())
        self.assertEqual({answer.code for answer in answers}, {503})
        self.assertEqual(len({answer.tag("To") for answer in answers}), 1)
        self.check_record(self.proxy.wait_for_records(1)[0], "limit", 503)
        self.release(held, 2)

    def test_a_request_without_hops_left_is_refused(self):
        with Raw() as target:
            self.start_proxy(target.port, 1)
            with Raw("127.0.0.1", self.port) as raw:
                self.assertEqual(raw.ask(raw.request("OPTIONS", Max_Forwards="0")).code, 483)
                self.assertEqual(raw.ask(raw.request("INVITE", Max_Forwards="0")).code, 483)
                inside = raw.ask(raw.request("INFO", To="<sip:b@a>;tag=b", Max_Forwards="0"))
                self.assertEqual((inside.code, inside.header("To")), (483, "<sip:b@a>;tag=b"))
                raw.send(raw.request("OPTIONS", Max_Forwards="1"))
                self.assertEqual(target.receive().header("Max-Forwards"), "0")
        self.assertEqual(self.proxy.records(), [])

    def test_answers_find_the_way_back_by_what_the_proxy_saw(self):
        with Raw() as target:
            self.start_proxy(target.port, 1)
            with Raw("127.0.0.1", self.port) as raw:
                hidden = raw.request("OPTIONS", Via="SIP/2.0/UDP nowhere.invalid;rport;branch=z9hG4bK-hidden")
                raw.send(hidden)
                request = target.receive()
                self.assertIn(f"nowhere.invalid;received=127.0.0.1;rport={raw.port}", request.headers("Via")[1])
                target.respond(request, 200)
                answer = raw.receive()
        self.assertEqual((answer.code, len(answer.headers("Via"))), (200, 1))

    def test_hundreds_of_calls_never_pass_the_limit(self):
        limit, calls = 10, 300
        callee = self.callee("callee_basic", calls=calls)  # more than it gets: it is stopped at the end
        self.start_proxy(callee.port, limit)
        caller = self.caller("caller_tries", self.port, calls=calls, rate=100, hold=300)
        caller.finish()
        records = self.proxy.wait_for_records(calls)
        reasons = Counter(record["end_reason"] for record in records)
        self.assertEqual(set(reasons), {"caller_bye", "limit"}, reasons)
        answered = [record for record in records if record["answered_us"]]
        self.assertGreaterEqual(len(answered), limit)
        self.assertEqual(len({record["call_id"] for record in records}), calls)
        ends, begins = [[record[name] for record in answered] for name in ("ended_us", "created_us")]
        up = most = 0
        for _, step in sorted([(at, -1) for at in ends] + [(at, 1) for at in begins]):
            up += step
            most = max(most, up)
        self.assertEqual(most, limit, "the limit was reached and not passed")

    def test_garbage_disturbs_no_call(self):
        port = self.ports.take()
        target = self.start("sofia-nta", port, port=port)
        self.start_proxy(port, 100)
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        noise = random.Random(seed)
        caller = self.caller("caller_basic", self.port, user="good", calls=40, rate=10, hold=200)
        with Raw("127.0.0.1", self.port) as raw:
            while caller.process.poll() is None:
                for data in [*torture(raw), *odd(raw), *garbage(noise, raw.request("INVITE", From=GARBAGE), 40)]:
                    raw.send(data)
                    while raw.receive(timeout=0.001):
                        pass
                self.proxy.runs()
                target.runs()
        caller.finish()

        def good():
            return [record for record in self.proxy.records() if record["from_uri"].startswith("sip:good@")]
        wait_until(lambda: self.proxy.runs() and len(good()) >= 40, "the records of the good calls")
        self.assertEqual(Counter(record["end_reason"] for record in good()), {"caller_bye": 40})


GARBAGE = "<sip:garbage@127.0.0.1>;tag=garbage"


def odd(raw):
    """What a text scanner may stumble over."""
    def request(method="INVITE", **values):
        return raw.request(method, **({"From": GARBAGE} | values))

    ours = f"<sip:in-call@127.0.0.1:{raw.tandemd_port};lr>"
    vias = ("", ",", ";", "<<<", ">", "SIP/2.0/UDP", "SIP/2.0/UDP ;rport", "SIP/2.0/UDP h;rport;branch=", "x;branch",
            "SIP/2.0/UDP 1.2.3.4:99999;branch=z9hG4bK-1;received=9.9.9.9;rport", "a,b,c;branch=z")
    uris = ("sip:127.0.0.1:1", "sip:@", "sip::", "tel:1", "sip:" + "x" * 2000)
    routes = ("", "<", "<sip:>", ",,,", ours + ",", ours + ours, "<sip:@:@:>", '"<,>" <sip:127.0.0.1:1>')
    messages = [request(Via=via) for via in vias]
    messages += [request("BYE", To="<sip:x@y>;tag=1", uri=uri, headers=[f"Route: {route}"])
                 for uri in uris for route in routes]
    messages += [request("OPTIONS", headers=[f"{name}: {'y,' * 4000}"]) for name in ("Via", "Route", "X")]
    messages += [request("OPTIONS", Max_Forwards=hops) for hops in ("-1", "x", "", "9" * 30)]
    messages += [request(body="z" * 60000), request(From="<tel:1>;tag=1"), b"SIP/2.0 200 OK\r\nVia: \r\n\r\n",
                 b" \r\n\r\n", request().replace(b"Max", b"Ma\0x"), request().replace(b"\r\n", b"\n"),
                 request().replace(b"INVITE ", b"INVITE\t"), request(From="<sip:@>;tag=1"),
                 request(headers=["Via: SIP/2.0/UDP 1.1.1.1"] * 60), request(headers=["To: <sip:a@b>"] * 200)]
    reply = request().split(b"\r\n", 1)[1]
    ours = f"Via: SIP/2.0/UDP 127.0.0.1:{raw.tandemd_port};branch=z9hG4bK1".encode()
    messages += [b"SIP/2.0 200 OK\r\n" + ours + back + b"\r\n" + reply
                 for back in (b"", b";from=", b";from=x", b";from=255.255.255.255:0", b";from=127.0.0.1:99999", b",")]
    return messages


if __name__ == "__main__":
    main()
