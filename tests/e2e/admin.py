"""The admin HTTP of a tandemd, asked as its clients ask; and what Prometheus may read."""
import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sipp import PATIENCE

TANDEMCTL = Path(__file__).resolve().parents[2] / "examples/tandemctl/tandemctl"


class Refused(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.message = error["code"], error["message"]


class Admin:
    def __init__(self, port, token="", host="127.0.0.1"):
        self.host, self.port, self.token = host, port, token

    @property
    def toml(self):
        return f'[admin]\nlisten = "{self.host}:{self.port}"\ntoken = "{self.token}"\n'

    def http(self, method, path, body=None, token=None, headers=()):
        """Status and text."""
        token = self.token if token is None else token
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body,
                               ({"Authorization": f"Bearer {token}"} if token else {}) | dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def post(self, text):
        """What comes back for this text, read as JSON; None: nothing."""
        status, answer = self.http("POST", "/rpc", text)
        if status not in (200, 204):
            raise AssertionError(f"{status}: {answer}")
        return json.loads(answer) if answer else None

    def call(self, method, **params):
        params = {name.replace("_", "-") if name == "call_id" else name: value for name, value in params.items()}
        answer = self.post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def pages(self, method, **params):
        page = self.call(method, **params)
        yield page["items"]
        while page["next"] is not None:
            page = self.call(method, **params, cursor=page["next"])
            yield page["items"]

    def items(self, method, **params):
        return [item for page in self.pages(method, **params) for item in page]

    def metrics(self):
        status, text = self.http("GET", "/metrics")
        if status != 200:
            raise AssertionError(f"{status}: {text}")
        return read_exposition(text)

    def ctl(self, *arguments, **environment):
        """tandemctl to its end."""
        return subprocess.run([sys.executable, TANDEMCTL, *map(str, arguments)], capture_output=True, text=True,
                              timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              env=os.environ | {"TANDEM_URL": f"http://{self.host}:{self.port}",
                                                "TANDEM_TOKEN": self.token} | environment)


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+]+|NaN)\Z')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\Z)')


def read_exposition(text):
    """Values by name and labels. Strict: each family once, with HELP and TYPE before its samples, no sample twice."""
    values, families, current = {}, {}, None
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            current, _, about = line[7:].partition(" ")
            if current in families or not about:
                raise AssertionError(f"twice, or without a word: {line}")
            families[current] = None
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            if name != current or kind not in ("counter", "gauge") or (kind == "counter") != name.endswith("_total"):
                raise AssertionError(f"no type of a family: {line}")
            families[name] = kind
        else:
            sample = SAMPLE.match(line)
            if not sample or sample[1] != current or not families[current]:
                raise AssertionError(f"no sample of {current}: {line}")
            labels, rest = [], sample[2] or ""
            while rest:
                label = LABEL.match(rest)
                if not label:
                    raise AssertionError(f"no labels: {line}")
                labels.append((label[1], re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])))
                rest = rest[label.end():]
            key = (sample[1], *sorted(labels))
            if key in values:
                raise AssertionError(f"twice: {line}")
            values[key] = float(sample[3])
    return Metrics(values, families)


class Metrics:
    def __init__(self, values, families):
        self.values, self.families = values, families

    def get(self, name, **labels):
        return self.values[(name, *sorted(labels.items()))]
