"""Phones that register: bare sockets with a password, which answer the challenges of tandemd (RFC 7616), and SIPps."""
import hashlib
import re

from harness import EndToEnd, Raw, Route

DOMAIN = "example.com"  # of the addresses-of-record
PASSWORDS = {"bob": "builder", "carol": "singer"}  # of the users of WithPhones
USERS = "{ " + ", ".join(f'{user} = "{password}"' for user, password in PASSWORDS.items()) + " }"


def credentials(challenged, method, uri, user, password, count=1):
    """The header line that answers the first challenge of a 401 or 407: by SHA-256, or by MD5."""
    asked = "WWW" if challenged.code == 401 else "Proxy"
    name = "Authorization" if challenged.code == 401 else "Proxy-Authorization"
    challenge = challenged.header(f"{asked}-Authenticate")
    value = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}

    def digest(*parts):
        return hashlib.new(value["algorithm"].replace("-", ""), ":".join(parts).encode()).hexdigest()
    response = digest(digest(user, value["realm"], password), value["nonce"], f"{count:08x}", "c0", "auth",
                      digest(method, uri))
    return (f'{name}: Digest username="{user}", realm="{value["realm"]}", nonce="{value["nonce"]}", '
            f'uri="{uri}", response="{response}", algorithm={value["algorithm"]}, cnonce="c0", qop=auth, nc={count:08x}'
            + (f', opaque="{value["opaque"]}"' if "opaque" in value else ""))


def registrar(users="{ alice = \"wonderland\", bob = \"builder\" }", more=""):
    """The sections of a configuration with these users."""
    return f"[registrar]\nrealm = \"{DOMAIN}\"\nusers = {users}\n{more}\n"


class Registering:
    """A user's phone on a socket of harness.Raw or stream.Connection: one Call-ID, its CSeq rising."""

    def __init__(self, raw: Raw, user, password, domain=DOMAIN):
        self.raw, self.user, self.password, self.domain = raw, user, password, domain
        self.cseq, self._count, self._challenged = 0, 0, None
        self.last = b""  # the REGISTER that it has sent last

    @property
    def aor(self):
        return f"<sip:{self.user}@{self.domain}>"

    def register(self, *contacts, expires=None, headers=(), password=None, to=None, send_ahead=False):
        """The final answer. Without `contacts` it asks; `send_ahead` uses the nonce of the time before."""
        headers = [*headers, *[f"Contact: {contact}" for contact in contacts]]
        if expires is not None:
            headers.append(f"Expires: {expires}")
        answer = self._challenged if send_ahead else self.ask(headers, to)
        if answer.code != 401:
            return answer
        self._count = self._count + 1 if send_ahead else 1
        self._challenged = answer
        line = credentials(answer, "REGISTER", f"sip:{self.domain}", self.user, password or self.password, self._count)
        return self.ask([*headers, line], to)

    def ask(self, headers, to=None):
        """One REGISTER as it is."""
        self.last = self.request(headers, to)
        return self.raw.ask(self.last)

    def request(self, headers, to=None):
        self.cseq += 1
        return self.raw.request("REGISTER", uri=f"sip:{self.domain}", headers=headers, without=("Contact",),
                                From=f"{to or self.aor};tag=reg", To=to or self.aor,
                                Call_ID=f"reg-{self.user}-{self.raw.port}", CSeq=f"{self.cseq} REGISTER")

    def here(self):
        """Its own Contact."""
        return self.raw.contact.replace("sip:raw@", f"sip:{self.user}@")


def bindings(answer):
    """What a 200 to a REGISTER says: the URIs with their seconds."""
    found = {}
    for contact in answer.headers("Contact"):
        uri, _, params = contact.partition(">")
        found[uri.strip(" <")] = int(re.search(r"expires=(\d+)", params)[1])
    return found


def to(*targets, **settings):
    """A route to these targets, as the configuration has them."""
    route = Route(0, **settings)
    route.toml = lambda host: (f"[[route]]\nto = [{', '.join(targets)}]\n"
                               f"ring_timeout_ms = {route.ring_timeout_ms}\n{route.more}\n")
    return route


class WithPhones(EndToEnd):
    """Calls to SIPps that have registered."""

    def start_registrar(self, *targets, more="", transports=("udp",), **settings):
        more += '\nalgorithms = ["MD5"]'  # SIPp knows nothing better
        self.start(to('"registered"', *targets, **settings), profiles=registrar(USERS, more), domains=[DOMAIN],
                   transports=transports)

    def register(self, port, contact=None, user="bob", params="", expires=600, headers="", by=None):
        """A SIPp on this port registers, and makes room there for the phone that is called; `by`: a proxy's port."""
        contact = f"<sip:{user}@{contact or f'127.0.0.1:{port}'}>{params}"
        phone = self._sipp("phone_registers", "127.0.0.1", port, target=f"127.0.0.1:{by or self.tandemd.port}",
                           name=user, contact=contact, expires=expires, headers=headers, password=PASSWORDS[user],
                           arguments=("-auth_uri", DOMAIN))
        phone.finish()
        self.sipps.remove(phone)  # the next one has its port, and its name
        return port

    def phone(self, scenario, contact=None, params="", **values):
        """A phone that has registered, and does as the scenario says when it is called."""
        return self.callee(scenario, port=self.register(self.ports.take(), contact, params=params), **values)

    def call(self, *phones, caller="caller_basic", user="bob", **values):
        caller = self.caller(caller, user, **{"hold": 50} | values)
        for sipp in (caller, *phones):
            sipp.finish()
        return caller
