"""limit-proxy -c: proxies that share a limit through Redis, with each other and with tandemd."""
import signal

from examples import ExampleTest, Raw, main, wait_until
from harness import Tandemd
from redis_servers import Redis


class LimitProxyCluster(ExampleTest):
    def setUp(self):
        super().setUp()
        self.redis = Redis(self.folder / "redis", self.ports.take())
        self.addCleanup(self.redis.kill)

    def start_proxy(self, target, limit):
        port = self.ports.take()
        url = f"redis://127.0.0.1:{self.redis.port}"
        return port, self.start("limit-proxy", "-c", url, port, f"127.0.0.1:{target}", limit, port=port)

    def start_tandemd(self, target, limit):
        folder, port = self.folder / "tandemd", self.ports.take()
        folder.mkdir()
        node = Tandemd(folder, f"""
            [sip]
            listen = ["udp:127.0.0.1:{port}"]
            [redis]
            url = "redis://127.0.0.1:{self.redis.port}"
            [[profile]]
            name = "user"
            value = true
            limit = {limit}
            scope = "cluster"
            [[route]]
            match = ""
            to = ["sip:127.0.0.1:{target}"]
            profiles = ["user={{from.user}}"]
            """, port=port)
        self.addCleanup(node.kill)
        return port

    def held(self, port, user):
        """A call that is up until sign() ends it."""
        caller = self.caller("caller_waits_for_a_sign", port, user)
        caller.wait_for("INVITE", 200)
        wait_until(lambda: caller.sent("ACK"), "the caller's ACK")
        return caller

    def users(self, user="alice"):
        return self.redis.size(f"tandem:{{user={user}}}")

    def test_the_third_call_of_a_user_is_refused_by_either(self):
        callee = self.callee("callee_is_held_and_resumed", calls=4)
        one, two = (self.start_proxy(callee.port, 2) for _ in range(2))
        first, second = self.held(one[0], "alice"), self.held(two[0], "alice")
        self.assertEqual(self.users(), 2)
        for number, (port, proxy) in enumerate((one, two)):
            self.caller("caller_refused", port, code=503).finish()
            self.check_record(proxy.wait_for_records(1)[0], "limit", 503)
        carol = self.held(one[0], "carol")
        self.sign(first)
        first.finish()
        wait_until(lambda: self.users() == 1, "the place is free")
        again = self.held(two[0], "alice")
        for caller in (second, carol, again):
            self.sign(caller)
            caller.finish()
        callee.finish()
        wait_until(lambda: self.users() == self.users("carol") == 0, "all places are free")

    def test_a_limit_is_shared_with_tandemd(self):
        callee = self.callee("callee_is_held_and_resumed", calls=3)
        proxy, _ = self.start_proxy(callee.port, 1)
        tandemd = self.start_tandemd(callee.port, 1)
        for here, there in ((proxy, tandemd), (tandemd, proxy), (proxy, tandemd)):
            held = self.held(here, "alice")
            self.caller("caller_refused", there, code=503).finish()
            self.sign(held)
            held.finish()
            wait_until(lambda: self.users() == 0, "the place is free")
        callee.finish()

    def test_without_redis_calls_are_refused(self):
        with Raw() as target:
            port, proxy = self.start_proxy(target.port, 2)
            self.redis.kill()
            with Raw("127.0.0.1", port) as raw:
                answer = raw.ask(raw.request("INVITE"))
                self.assertEqual((answer.code, answer.reason), (503, "Number Of Calls Unknown"))
                self.check_record(proxy.wait_for_records(1)[0], "refused", 503)
                self.assertIsNone(target.receive(timeout=0.1))

    def test_an_invite_that_is_cancelled_while_it_waits_goes_nowhere(self):
        with Raw() as target:
            port, proxy = self.start_proxy(target.port, 2)
            with Raw("127.0.0.1", port) as raw:
                raw.send(raw.request("INVITE"))  # Redis is known from here on
                target.respond(target.receive(), 486)
                self.assertEqual(raw.receive().code, 486)
                proxy.wait_for_records(1)
                self.redis.freeze()
                proxy.process.send_signal(signal.SIGSTOP)  # all are there before the first of them is read
                invite = raw.request("INVITE")
                for message in (invite, invite, invite.replace(b"INVITE", b"CANCEL")):
                    raw.send(message)
                proxy.process.send_signal(signal.SIGCONT)
                answers = [raw.receive() for _ in range(2)]
                self.assertEqual([(answer.header("CSeq"), answer.code) for answer in answers],
                                 [("1 CANCEL", 200), ("1 INVITE", 487)])
                self.check_record(proxy.wait_for_records(2)[1], "cancelled", 487)
                self.redis.resume()
                wait_until(lambda: self.users("raw") == 0, "no place is held")
                self.assertIsNone(target.receive(timeout=0.1))
                self.assertIsNone(raw.receive(timeout=0.1))


if __name__ == "__main__":
    main()
