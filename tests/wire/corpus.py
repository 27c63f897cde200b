"""The messages of RFC 4475 and RFC 5118 as they are on the wire, and what is expected of each."""
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
VIA = re.compile(rb"^(?:via|v)\s*:\s*SIP\s*/\s*[\d.]+\s*/\s*\w+\s+(?P<host>\[.*?\]|[^\s:;,]+)\s*(?::\s*(?P<port>\d+))?"
                 rb"(?:.*?branch\s*=\s*(?P<branch>[^\s;,]+))?", re.I | re.M)


@dataclass
class Sample:
    """One message and its entry in expectations.toml, where the fields are described."""
    rfc: str
    name: str
    data: bytes
    section: str
    why: str
    answer: object = 0
    says: str = ""
    stream: object = None
    stream_says: str = ""
    routed: tuple = ()
    holds: tuple = ()
    length: str = ""
    response: bool = False
    pending: str = ""

    def __post_init__(self):
        if self.length == "corrected":
            size = len(self.data.partition(b"\r\n\r\n")[2])
            self.data = re.sub(rb"(?m)^Content-Length: \d+", b"Content-Length: %d" % size, self.data)
        self._via = VIA.search(re.sub(rb"\r\n[ \t]+", b" ", self.data))

    def __str__(self):
        return f"{self.name} ({self.rfc} section {self.section})"

    @property
    def uri(self):
        """The Request-URI."""
        return self.data.split(b"\r\n")[0].split()[1].decode()

    @property
    def via_port(self):
        """Where responses over UDP go: the port of the topmost Via, or SIP's own (RFC 3261 section 18.2.2)."""
        return int(self._via["port"] or 5060)

    @property
    def transaction(self):
        """What makes two requests one (RFC 3261 section 17.2.3)."""
        return self._via["host"], self._via["port"], self._via["branch"], self.data.split()[0]


def samples(rfc):
    """All of one RFC, in the order of the table; each file has an entry and each entry a file."""
    table = tomllib.loads((HERE / "expectations.toml").read_text(encoding="utf-8"))[rfc]
    files = {path.stem: path for path in (HERE / rfc).glob("*.sip")}
    assert files.keys() == table.keys(), f"{rfc}: file or entry alone: {sorted(files.keys() ^ table.keys())}"
    return [Sample(rfc, name, files[name].read_bytes(), **entry) for name, entry in table.items()]


def requests(rfc):
    """The requests, in groups for one server each: some share a branch, and would be one another's retransmission."""
    groups = []
    for sample in samples(rfc):
        if not sample.response:
            group = next((g for g in groups if sample.transaction not in [s.transaction for s in g]), None)
            if group is None:
                groups.append(group := [])
            group.append(sample)
    return groups
