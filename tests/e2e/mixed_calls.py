"""Mixed calls by the hundred, and what each of their sides has seen of them.

A caller and a callee, each on one bare socket, run every call by a plan that a seed has drawn. They repeat what is not
answered and obey RFC 3261, whatever becomes of the server between them; what no server may do to them is noted in
`Call.faults`, and what it has done to them is compared with its records by kept_promises.py.
"""
import time
from collections import Counter
from dataclasses import dataclass, field

from phones import Phones
from sides import described, target_of
from sipp import Message

# What a call is for: how likely, and what the callee answers.
KINDS = {"talk": 10, "stay": 3, "busy": 2, "cancel": 2, "cross": 1, "early": 1, "few": 4}


@dataclass
class Plan:
    name: str  # the user that is called, by whom the callee knows it
    kind: str
    ring: float  # seconds to the callee's answer, or the caller's giving up
    hold: float  # to the BYE; a call that stays waits for stop()
    hangs_up: str  # caller, callee
    inside: list  # (seconds, side, method) of requests while it is up


def draw(random, count, kinds=None, most=3.0):
    """So many plans; the first letters of a name say what it is."""
    kinds = kinds or KINDS
    plans = []
    for number in range(count):
        kind = random.choices(list(kinds), list(kinds.values()))[0]
        hold = random.uniform(0.05, most)
        sides = ("caller", "callee")
        # One side alone has re-INVITEs: glare is another test's matter.
        inviter = random.choice(sides)
        inside = [(random.uniform(0, hold), random.choice(sides), random.choice(("INFO", "UPDATE", "OPTIONS")))
                  for _ in range(random.randrange(3))]
        inside += [(random.uniform(0, hold), inviter, "INVITE") for _ in range(random.randrange(2))]
        plans.append(Plan(f"{kind}-{number}", kind, random.uniform(0.02, 0.6), hold, random.choice(sides), inside))
    return plans


@dataclass
class Side:
    """What one side of a call knows."""
    role: str
    dialog: dict = None  # header lines of its requests
    target: str = ""
    cseq: int = 0
    seen: int = 0  # highest number of the other side
    invite: Message = None
    final: Message = None  # to the INVITE, got or given
    final_at: float = 0.0
    is_acked: bool = False
    has_begun: bool = False  # the ACK of its first answer came
    bye_at: float = 0.0  # sent
    bye_code: int = 0  # of the final answer; 408: none came
    bye_done_at: float = 0.0
    hung_up_at: float = 0.0  # a BYE came
    is_unheard: bool = False  # it has given up: nobody knows its INVITE any more, and its answer never came
    replies: dict = field(default_factory=dict)  # by branch of what has been answered

    @property
    def is_up(self):
        return bool(self.final and self.final.code == 200)

    @property
    def is_ending(self):
        return bool(self.bye_at or self.hung_up_at)

    @property
    def talks(self):
        return self.is_up and not self.is_ending

    @property
    def is_over(self):
        return bool(self.bye_code or self.hung_up_at or self.is_unheard or (self.final and self.final.code >= 300))


@dataclass
class Call:
    plan: Plan
    caller: Side
    callee: Side
    began: float = 0.0
    progress: int = 0  # highest provisional code that the caller had
    given_up_at: float = 0.0  # CANCEL, or BYE before the answer
    faults: list = field(default_factory=list)

    @property
    def is_over(self):
        """At both sides; the INVITE may never have come to the callee."""
        return self.caller.is_over and (not self.callee.invite or self.callee.is_over)

    @property
    def is_ending(self):
        return self.caller.is_ending or self.callee.is_ending or bool(self.given_up_at)

    def fault(self, text):
        self.faults.append(f"{self.plan.name} {time.monotonic() - self.began:.3f} s: {text}")


class MixedPhones(Phones):
    """One role in all calls; `calls` is by Call-ID, as in Phones."""
    role = ""

    def __init__(self, raw, by_name):
        super().__init__(raw)
        self.by_name = by_name
        self.waiting = {}  # who takes the responses, by branch and method
        self.open = 0  # requests of plans without a final answer
        self.is_stopped = False
        self.codes = Counter()  # of their final answers

    @property
    def are_over(self):
        return all(call.is_over for call in self.by_name.values())

    # Requests inside a call

    def request(self, call, method, cseq=None, **changed):
        side = getattr(call, self.role)
        if cseq is None:
            side.cseq += 1
        return Message(self.raw.request(method, uri=side.target, CSeq=f"{cseq or side.cseq} {method}",
                                        **side.dialog | changed))

    def ask(self, call, method, answered=lambda message: None, **values):
        """Sends a request until its final response has come; 408 if none does."""
        request = self.request(call, method, **values)
        state = {}

        def take(message):
            if message.code >= 200 and "final" not in state:
                state["final"] = message
                answered(message)
            if message.code >= 200 and method == "INVITE":
                self.acknowledge(call, request, message)
            state["heard"] = True

        def give_up():
            if "final" not in state:
                state["final"] = None
                answered(None)
        self.waiting[request.branch, method] = take
        self.repeat(lambda: self.raw.send(request.raw), give_up=give_up,
                    is_done=lambda: "final" in state or (method == "INVITE" and "heard" in state))
        return request

    def acknowledge(self, call, request, final):
        if final.code >= 300:
            self.raw.acknowledge(final)
        else:
            self.raw.send(self.request(call, "ACK", cseq=request.cseq).raw)

    def inside(self, call):
        """What the plan has for a call that is up."""
        for seconds, role, method in call.plan.inside:
            if role == self.role:
                self.later(seconds, lambda method=method: self.ask_inside(call, method))
        if call.plan.hangs_up == self.role and (call.plan.kind != "stay" or self.is_stopped):
            self.later(call.plan.hold, lambda: self.hang_up(call))

    def ask_inside(self, call, method):
        if call.is_ending:
            return
        asked = time.monotonic()

        self.open += 1

        def answered(message):
            self.open -= 1
            code = message.code if message else 408
            self.codes[code] += 1
            # A re-INVITE that was open at a kill is refused; and what comes again after a later one is out of order.
            is_late = getattr(call, self.role).cseq > request.cseq
            fine = (200, 491, 500) if method == "INVITE" else (200, 500) if is_late else (200,)
            if code not in fine and not call.is_ending:
                call.fault(f"{method} of the {self.role} got {code} after {time.monotonic() - asked:.3f} s")
        request = self.ask(call, method, answered, **(described(self.role, 4010) if method == "INVITE" else {}))

    def hang_up(self, call):
        side = getattr(call, self.role)
        if side.is_ending or not side.is_up:
            return
        side.bye_at = time.monotonic()

        def answered(message):
            side.bye_code, side.bye_done_at = message.code if message else 408, time.monotonic()
        self.ask(call, "BYE", answered)

    def drain(self):
        """Takes all that has come."""
        while self.receive():
            pass

    def stop(self):
        """Ends all calls that stay, also those that are only about to be up."""
        self.is_stopped = True
        for call in list(self.by_name.values()):
            if call.plan.kind == "stay" and call.plan.hangs_up == self.role:
                self.hang_up(call)

    # What comes

    def take(self, message):
        if message.code:
            taker = self.waiting.get((message.branch, message.method))
            if taker:
                taker(message)
        elif message.method == "INVITE" and not message.tag("To"):
            self.take_invite(message)
        else:
            self.take_request(self.calls.get(message.call_id), message)

    def take_invite(self, invite):
        self.raw.respond(invite, 404)

    def take_request(self, call, message):
        side = getattr(call, self.role) if call else None
        if message.method == "ACK":
            if side:
                self.take_ack(call, side)
            return
        key = message.branch, message.method
        code = side.replies.get(key) if side else 481
        if not code:
            code = side.replies[key] = self.reply_to(call, side, message)
        self.respond(message, code)

    def take_ack(self, call, side):
        side.is_acked = True

    def respond(self, request, code):
        is_first = request.method == "INVITE" and not request.tag("To")
        values = described(self.role, 4001) if request.method == "INVITE" and code == 200 else {"headers": []}
        self.raw.respond(request, code, **values | {"headers": [*values["headers"], *([self.record_route] * is_first)]})

    @property
    def route(self):
        """Of a proxy before this side, whose socket is the same."""
        return f"<sip:{self.raw.name};lr;of={self.role}>"

    @property
    def record_route(self):
        return f"Record-Route: {self.route}"

    def reply_to(self, call, side, message):
        if message.method == "CANCEL":
            return self.reply_to_cancel(call, side)
        if message.tag("To") != side.dialog["From"].rpartition("tag=")[2]:
            call.fault(f"{message.method} for the {self.role} has the wrong tags: {message.header('To')}")
            return 481
        if message.headers("Route") != [self.route]:
            call.fault(f"{message.method} for the {self.role} goes by {message.headers('Route')}")
        if message.cseq <= side.seen:
            call.fault(f"{message.method} for the {self.role} has number {message.cseq} after {side.seen}")
            return 500
        side.seen = message.cseq
        if message.method == "BYE":
            if not side.hung_up_at and side.bye_code not in (0, 408):
                return 481
            side.hung_up_at = side.hung_up_at or time.monotonic()
            return 200
        if side.is_over:
            return 481
        if message.method == "INVITE":
            side.is_acked = False
            self.later(self.t1, lambda: self.repeat(lambda: self.respond(message, 200),
                                               lambda: side.is_acked or side.is_over))
        return 200

    def reply_to_cancel(self, call, side):
        return 481


class Callers(MixedPhones):
    role = "caller"
    patience = 5.0  # seconds after which somebody has waited too long

    def begin(self, plans, rate):
        self.is_stopped = False
        for number, plan in enumerate(plans):
            self.later(number / rate, lambda plan=plan: self.invite(plan))

    def invite(self, plan):
        offer = described("caller", 4000)
        offer["headers"].append(self.record_route)
        invite = Message(self.raw.request("INVITE", plan.name, **offer))
        side = Side("caller", {"From": invite.header("From"), "To": invite.header("To"), "Call_ID": invite.call_id},
                    invite.uri, 1, invite=invite)
        call = Call(plan, side, Side("callee"), time.monotonic())
        self.calls[invite.call_id] = self.by_name[plan.name] = call
        self.waiting[invite.branch, "INVITE"] = lambda message: self.take_answer(call, message)
        self.repeat(lambda: self.raw.send(invite.raw), lambda: call.progress or side.final, most=64 * self.t1,
                    give_up=lambda: call.fault("the INVITE was never answered"))
        if plan.kind in ("cancel", "cross", "early"):
            self.later(plan.ring, lambda: self.give_up(call))
        self.later(plan.ring + self.patience, lambda: self.give_up(call, has_waited=True))

    def take_answer(self, call, message):
        side = call.caller
        if message.code < 200:
            call.progress = max(call.progress, message.code)
            if message.tag("To"):
                side.dialog["To"], side.target = message.header("To"), target_of(message)
            return
        if message.code >= 300:
            self.raw.acknowledge(message)
        if side.final:
            if (side.final.code, side.final.tag("To")) != (message.code, message.tag("To")):
                call.fault(f"a second answer, {message.code}, after {side.final.code}")
        else:
            side.final, side.final_at = message, time.monotonic()
        if message.code < 300:
            first = not side.is_acked
            side.dialog["To"], side.target, side.is_acked = message.header("To"), target_of(message), True
            self.raw.send(self.request(call, "ACK", cseq=1).raw)
            if first and not call.given_up_at:
                self.inside(call)
            elif first:
                self.hang_up(call)

    def give_up(self, call, has_waited=False):
        """CANCEL, as soon as that may be sent; or BYE in the early dialog."""
        side = call.caller
        if side.final:
            return
        if not call.progress or (call.plan.kind == "early" and call.progress < 101):
            self.later(0.05, lambda: self.give_up(call, has_waited))
            return
        call.given_up_at = call.given_up_at or time.monotonic()
        if call.plan.kind == "early" and not has_waited:
            self.ask(call, "BYE")
        else:
            self.cancel(call)

    def cancel(self, call):
        side, heard = call.caller, []
        cancel = self.raw.request("CANCEL", uri=side.invite.uri, CSeq="1 CANCEL",
                                  **{name.replace("-", "_"): side.invite.header(name)
                                     for name in ("Via", "From", "To", "Call-ID")})

        def take(message):
            heard.append(message)
            # No final answer will come, RFC 3261 section 9.1: it has been lost, and who sent it has died.
            side.is_unheard = message.code == 481 and not side.final
        self.waiting[side.invite.branch, "CANCEL"] = take
        self.repeat(lambda: self.raw.send(cancel), lambda: heard)


class Callees(MixedPhones):
    role = "callee"

    def take_invite(self, invite):
        name = invite.uri.partition(":")[2].partition("@")[0]
        call = self.by_name.get(name)
        if not call:
            return self.raw.respond(invite, 404)
        side = call.callee
        if not side.invite:
            side.invite, side.target, side.cseq = invite, target_of(invite), 100
            side.seen = invite.cseq
            side.dialog = {"From": invite.header("To") + ";tag=raw", "To": invite.header("From"),
                           "Call_ID": invite.call_id}
            self.calls[invite.call_id] = call
            self.respond(invite, 180)
            if call.plan.kind not in ("cancel", "early"):
                self.later(call.plan.ring, lambda: self.answer(call))
        elif invite.call_id != side.invite.call_id or invite.branch != side.invite.branch:
            call.fault("the callee is called a second time")
        elif not side.final:
            self.respond(invite, 180)

    def answer(self, call):
        side = call.callee
        if side.final:
            return
        self.finish(call, 486 if call.plan.kind == "busy" else 200)

    def take_ack(self, call, side):
        is_first = not side.has_begun
        side.is_acked = side.has_begun = True
        if is_first and side.is_up:
            self.inside(call)

    def finish(self, call, code):
        """The final answer, until its ACK has come."""
        side = call.callee
        side.final, side.final_at = Message(f"SIP/2.0 {code} Raw\r\n\r\n".encode()), time.monotonic()
        self.repeat(lambda: self.respond(side.invite, code), lambda: side.is_acked or side.is_ending,
                    give_up=lambda: code == 200 and call.fault("no ACK for the answer"))

    def reply_to_cancel(self, call, side):
        if not side.final:
            self.finish(call, 487)
        return 200
