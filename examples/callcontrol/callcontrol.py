#!/usr/bin/env python3
"""Decides about calls for tandemd ([control] in its configuration) by a table of addresses and numbers.

    callcontrol.py [--table FILE] [--listen ADDRESS:PORT]

The table (TOML, callcontrol.toml beside this file) is read again when it has changed. Standard library alone.
"""
import argparse
import ipaddress
import json
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BODY_MAX = 65536


class Table:
    """[[address]]es that are refused, and [[number]]s: the first that matches holds."""

    def __init__(self, path):
        self._path, self._read_at = Path(path), None
        self._addresses, self._numbers = [], []
        self.refresh()

    def refresh(self):
        changed = self._path.stat().st_mtime_ns
        if changed == self._read_at:
            return
        rows = tomllib.loads(self._path.read_text())
        self._addresses = [(ipaddress.ip_network(row["network"]), row) for row in rows.get("address", [])]
        self._numbers = rows.get("number", [])
        self._read_at = changed

    def decide(self, question):
        """The answer to a question of tandemd."""
        source = ipaddress.ip_address(question["source-ip"])
        for network, row in self._addresses:
            if source in network:
                return {"code": row.get("code", 403), "reason": row.get("reason", "IP Auth Failed")}
        if question["method"] != "INVITE":
            return {"code": 200}
        # Where the call goes, and not what its caller writes into To.
        number = question["request-user-id"]
        for row in self._numbers:
            if number.startswith(row["prefix"]):
                return self._row_to_answer(row, number)
        return {"code": 200}

    @staticmethod
    def _row_to_answer(row, number):
        if "code" in row:
            return {"code": row["code"], "reason": row.get("reason", "")}
        answer = {"code": 200, "variables": {"prefix": row["prefix"]}}
        if "replace" in row:
            answer["to-user-id"] = row["replace"] + number[len(row["prefix"]):]
        for name in ("route", "max-duration-ms", "cache-ms"):
            if name in row:
                answer[name] = row[name]
        return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # tandemd keeps its connections
    disable_nagle_algorithm = True
    table = None

    def do_POST(self):
        try:
            size = int(self.headers["Content-Length"])
            if not 0 < size <= BODY_MAX:
                raise ValueError("size")
            question = json.loads(self.rfile.read(size))
            self.table.refresh()
            self.answer(200, self.table.decide(question))
        except (KeyError, TypeError, ValueError) as error:
            self.fail(400, error)
        except OSError as error:  # of the table
            self.fail(500, error)

    def fail(self, status, error):
        self.close_connection = True
        self.answer(status, {"error": f"{type(error).__name__}: {error}"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", default=Path(__file__).with_name("callcontrol.toml"))
    parser.add_argument("--listen", default="127.0.0.1:8082", metavar="ADDRESS:PORT")
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    Handler.table = Table(arguments.table)
    with Server((host, int(port)), Handler) as server:
        print(f"callcontrol listens on {host}:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
