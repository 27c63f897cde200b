"""A phone behind proxies: it keeps the route set and the remote target of its one call (RFC 3261 section 12)."""
import re

from kamailio import Raw
from sipp import PATIENCE, Message

SESSION = "v=0\r\no=phone 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"


def uri_of(value):
    return value.partition("<")[2].partition(">")[0]


def port_of(uri):
    return int(re.search(r":(\d+)", uri.partition("@")[2] or uri.partition(":")[2])[1])


class Phone:
    def __init__(self, first_hop=None):
        self.raw = Raw("127.0.0.1", first_hop)
        self.first_hop, self.route, self.kept, self.cseq = first_hop, [], [], 1
        self.port = self.raw.port
        self.contact = f"<sip:phone@127.0.0.1:{self.port}>"

    def close(self):
        self.raw.socket.close()

    # A call begins

    def call(self, user="bob"):
        self.raw.tandemd_port = self.first_hop
        self.invite = Message(self.raw.request("INVITE", user, body=SESSION, Contact=self.contact,
                                               Content_Type="application/sdp"))
        self.raw.send(self.invite.raw)
        self.call_id, self.local, self.remote = (self.invite.header(n) for n in ("Call-ID", "From", "To"))
        return self.invite

    def cancel(self):
        copied = {"Via": self.invite.header("Via"), "From": self.local, "To": self.remote, "Call_ID": self.call_id}
        self.raw.send(self.raw.request("CANCEL", uri=self.invite.uri, **copied))

    def take_call(self):
        self.invite = self.take("INVITE")
        self.call_id, self.local = self.invite.call_id, self.invite.header("To") + f";tag=phone{self.port}"
        self.remote, self.target = self.invite.header("From"), uri_of(self.invite.header("Contact"))
        self.route = self.invite.headers("Record-Route")
        return self.invite

    # Messages of the call

    def send(self, method, cseq=None, body=""):
        """A request within the dialog, by its route."""
        if cseq is None:
            cseq = self.cseq = self.cseq + 1
        lines = [f"Route: {hop}" for hop in self.route] + ["Content-Type: application/sdp"] * bool(body)
        request = self.raw.request(method, uri=self.target, headers=lines, body=body, From=self.local, To=self.remote,
                                   Call_ID=self.call_id, CSeq=f"{cseq} {method}", Contact=self.contact)
        self.raw.tandemd_port = port_of(uri_of(self.route[0]) if self.route else self.target)
        self.raw.send(request)
        return Message(request)

    def answer(self, request, code, body=""):
        """A response, by the way that its topmost Via says."""
        to = request.header("To") if request.tag("To") or code == 100 else self.local
        lines = [f"SIP/2.0 {code} Phone", *[f"Via: {via}" for via in request.headers("Via")], f"To: {to}",
                 *[f"{name}: {request.header(name)}" for name in ("From", "Call-ID", "CSeq")],
                 *[f"Record-Route: {hop}" for hop in request.headers("Record-Route") if 100 < code < 300],
                 f"Contact: {self.contact}", *["Content-Type: application/sdp"] * bool(body),
                 f"Content-Length: {len(body)}", "", body]
        via = request.header("Via")
        port = re.search(r";\s*rport=(\d+)", via) or re.search(r"127\.0\.0\.1:(\d+)", via)
        self.raw.socket.sendto("\r\n".join(lines).encode(), ("127.0.0.1", int(port[1])))

    def take(self, method, code=None):
        """The next request of this method, or the response with this code to one; others wait for their turn."""
        wanted = [m for m in self.kept if (m.method, m.code) == (method, code)]
        while not wanted:
            message = self.raw.receive(PATIENCE)
            if message is None:
                raise AssertionError(f"no {code or ''} {method}; what came: {self.kept}")
            if (message.method, message.code) == (method, code):
                wanted.append(message)
            elif message.raw not in [one.raw for one in self.kept]:
                self.kept.append(message)
        self.kept = [m for m in self.kept if m.raw != wanted[0].raw]  # and not once more, if it was sent again
        return wanted[0]

    # What calls are made of

    def take_answer(self):
        """The 2xx for the INVITE that was sent last, which gets its ACK."""
        answer = self.take("INVITE", 200)
        if self.remote == self.invite.header("To"):
            self.remote, self.route = answer.header("To"), list(reversed(answer.headers("Record-Route")))
        self.target = uri_of(answer.header("Contact"))
        self.send("ACK", answer.cseq)
        return answer

    def take_refusal(self, code):
        refusal = self.take("INVITE", code)
        self.raw.tandemd_port = self.first_hop
        self.raw.acknowledge(refusal)
        return refusal
