"""Where a call goes when the first callee does not take it: serial hunting, forking, redirections."""
from harness import Cdr, EndToEnd, Route, main


class Hunting(EndToEnd):
    def targets(self, *scenarios, **values):
        """A callee for each scenario."""
        return [self.callee(scenario, **values) for scenario in scenarios]

    def route(self, *callees, parallel=False, **settings):
        """A route to the callees, in order or all at once."""
        uris = ", ".join(f'"sip:127.0.0.1:{callee.port}"' for callee in callees)
        more = settings.pop("more", "")
        route = Route(0, **settings)
        route.toml = lambda host: (f"[[route]]\nto = [{f'[{uris}]' if parallel else uris}]\n"
                                   f"ring_timeout_ms = {route.ring_timeout_ms}\n{more}\n")
        return route

    def test_the_next_target_is_tried_after_an_answer_in_hunt_on(self):
        refuses = self.callee("callee_refuses", code=503, reason="Full", headers="")
        answers = self.callee("callee_basic", hold=100)
        self.start(self.route(refuses, answers))
        caller = self.caller("caller_basic", hold=100)
        for sipp in (caller, refuses, answers):
            sipp.finish()
        first, second = refuses.received("INVITE")[0], answers.received("INVITE")[0]
        self.assertNotEqual(first.call_id, second.call_id)
        self.assertNotEqual(first.branch, second.branch)
        self.assertEqual(first.body, second.body)
        self.assertEqual([m.code for m in caller.received("INVITE", 503)], [])
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_an_answer_that_is_not_in_hunt_on_is_the_callers(self):
        refuses, other = self.targets("callee_refuses", "callee_basic", code=486, reason="Busy", headers="", hold=0)
        self.start(self.route(refuses, other))
        caller = self.caller("caller_refused", code=486)
        caller.finish()
        refuses.finish()
        self.assertEqual(other.received(), [])
        self.finish(Cdr("refused", 486, caller))

    def test_a_target_that_rings_too_long_is_cancelled_and_the_next_one_rings(self):
        rings, answers = self.targets("callee_rings", "callee_basic", hold=100)
        self.start(self.route(rings, answers, ring_timeout_ms=300))
        caller = self.caller("caller_basic", hold=100)
        for sipp in (caller, rings, answers):
            sipp.finish()
        self.assertEqual(len(rings.received("CANCEL")), 1)
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_a_target_where_nobody_listens_is_hunted_past(self):
        answers = self.callee("callee_basic", hold=100)
        closed = self.ports.take()
        route = self.route(answers)
        route.toml = lambda host: (f'[[route]]\nto = ["sip:127.0.0.1:{closed}", "sip:127.0.0.1:{answers.port}"]\n'
                                   "ring_timeout_ms = 500\n")
        self.start(route)
        caller = self.caller("caller_basic", hold=100)
        caller.finish()
        answers.finish()
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_parallel_targets_ring_at_once_and_the_first_answer_wins(self):
        rings, answers = self.targets("callee_rings", "callee_answers_late", hold=300)
        self.start(self.route(rings, answers, parallel=True))
        caller = self.caller("caller_hears_two", hold=100)
        for sipp in (caller, rings, answers):
            sipp.finish()
        self.assertIn("cause=200", rings.received("CANCEL")[0].header("Reason"))
        tags = {m.tag("To") for m in caller.received("INVITE", 180)}
        self.assertEqual(len(tags), 2, "each fork has its own To-tag")
        self.assertIn(caller.received("INVITE", 200)[0].tag("To"), tags)
        self.finish(Cdr("caller_bye", 200, caller, answers))

    def test_a_redirection_passes_with_its_contacts(self):
        moved = self.callee("callee_moved", contact="<sip:carol@192.0.2.7>;q=0.7, <sip:dave@192.0.2.8>")
        self.start(self.route(moved))
        caller = self.caller("caller_refused", code=302)
        caller.finish()
        moved.finish()
        self.assertEqual(caller.received("INVITE", 302)[0].header("Contact"),
                         "<sip:carol@192.0.2.7>;q=0.7, <sip:dave@192.0.2.8>")
        self.finish(Cdr("refused", 302, caller))

    def test_a_redirection_is_followed_where_the_route_says_so(self):
        answers = self.callee("callee_basic", hold=100)
        moved = self.callee("callee_moved", contact=f"<sip:moved@127.0.0.1:{answers.port}>")
        self.start(self.route(moved, more='redirects = "follow"'))
        caller = self.caller("caller_basic", hold=100)
        for sipp in (caller, moved, answers):
            sipp.finish()
        self.assertEqual(answers.received("INVITE")[0].uri, f"sip:moved@127.0.0.1:{answers.port}")
        self.finish(Cdr("caller_bye", 200, caller, answers))


if __name__ == "__main__":
    main()
