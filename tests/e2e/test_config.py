"""The command line and the configuration file: what is wrong is one line with its place, and exit code 2."""
import re
import socket
from pathlib import Path

from harness import EndToEnd, main

GOOD = """\
[sip]
listen = ["udp:127.0.0.1:{port}"]
workers = 1
[store]
path = "{store}"
durability = "process"
[timers]
early_ms = 181000
[[route]]
match = '^\\+?44'
to = ["sip:127.0.0.1:{callee}"]
ring_timeout_ms = 60000
[log]
level = "info"
"""


class Cli(EndToEnd):
    def setUp(self):
        super().setUp()
        self.port, self.callee_port = self.ports.take(), self.ports.take()
        self.good = GOOD.format(port=self.port, store=self.store, callee=self.callee_port)

    def refuse(self, text, *mentions, line=None, check=True):
        """The file is refused, at this line, with these words, by a start and by --check."""
        path = self.write_config(text)
        for arguments in ([["--check"], []] if check else [[]]):
            result = self.run_tandemd("--config", path, *arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stdout, "")
            place = re.fullmatch(re.escape(str(path)) + r":(\d+):(\d+): (\S.*)\n", result.stderr)
            self.assertTrue(place, f"not one line FILE:LINE:COLUMN: ...: {result.stderr!r}")
            if line is not None:
                self.assertEqual(int(place[1]), line, result.stderr)
                self.assertGreaterEqual(int(place[2]), 1)
            for mention in mentions:
                self.assertIn(mention, place[3])
            self.assertFalse(self.store.exists(), "nothing is opened")

    def changed(self, old, new):
        """The good file with one thing changed, and that line's number."""
        self.assertIn(old, self.good)
        text = self.good.replace(old, new, 1)
        return text, text[:text.index(new)].count("\n") + 1


class CommandLine(Cli):
    def test_version(self):
        result = self.run_tandemd("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"tandemd? .*\d+\.\d+")

    def test_help_names_every_option(self):
        result = self.run_tandemd("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for option in ("--config", "--check", "--version", "--help"):
            self.assertIn(option, result.stdout)

    def test_bad_usage(self):
        for arguments in (["--nonsense"], ["--config"], ["stray"]):
            with self.subTest(arguments):
                result = self.run_tandemd(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertEqual(result.stderr.count("\n"), 1, f"one line: {result.stderr!r}")
                self.assertIn(arguments[0], result.stderr)

    def test_check_of_a_good_file_opens_nothing(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", self.port))
            result = self.run_tandemd("--config", self.write_config(self.good), "--check")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertFalse(self.store.exists())

    def test_what_the_readme_shows_is_good(self):
        readme = Path(__file__).parents[2] / "README.md"
        blocks = re.findall(r"^```toml\n(.*?)^```", readme.read_text(), re.S | re.M)
        self.assertGreater(len(blocks), 5)
        for block in blocks:
            with self.subTest(block.partition("\n")[0]):
                result = self.run_tandemd("--config", self.write_config(block), "--check")
                self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_missing_file(self):
        missing = self.folder / "none.toml"
        for check in ([], ["--check"]):
            result = self.run_tandemd("--config", missing, *check)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertRegex(result.stderr, rf"\A{re.escape(str(missing))}:(\d+:\d+:)? \S.*\n\Z")

    def test_a_port_in_use(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", self.port))
            result = self.run_tandemd("--config", self.write_config(self.good))
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, rf"\A.*{self.port}.*\n\Z")
        self.assertIn("in use", result.stderr)


class Mistakes(Cli):
    def test_an_unknown_key(self):
        text, line = self.changed("early_ms = ", "erly_ms = ")
        self.refuse(text, "erly_ms", line=line)

    def test_an_unknown_section(self):
        text, line = self.changed("[timers]", "[timer]")
        self.refuse(text, "timer", line=line)

    def test_a_wrong_type(self):
        for old, new in (("early_ms = 181000", 'early_ms = "soon"'), ("workers = 1", "workers = [1]"),
                         ('level = "info"', "level = 3"), ('to = ["sip:127.0.0.1:', 'to = [7, "sip:127.0.0.1:')):
            with self.subTest(new):
                text, line = self.changed(old, new)
                self.refuse(text, new.split(" ")[0], line=line)

    def test_a_bad_port(self):
        for port in ("65536", "-1", "sip"):
            with self.subTest(port):
                text, line = self.changed(f"127.0.0.1:{self.port}", f"127.0.0.1:{port}")
                self.refuse(text, f"127.0.0.1:{port}", line=line)

    def test_a_bad_listen_address(self):
        for listen in ("udp:999.0.0.1:5060", "smoke:127.0.0.1:5060", "127.0.0.1"):
            with self.subTest(listen):
                text, line = self.changed(f"udp:127.0.0.1:{self.port}", listen)
                self.refuse(text, listen, line=line)

    def test_a_bad_regex(self):
        text, line = self.changed(r"'^\+?44'", "'^(44'")
        self.refuse(text, "^(44", line=line)

    def test_a_bad_target(self):
        for target in ("127.0.0.1:5070", "sip:", "sip:127.0.0.1:99999"):
            with self.subTest(target):
                text, line = self.changed(f"sip:127.0.0.1:{self.callee_port}", target)
                self.refuse(text, target, line=line)

    def test_a_number_out_of_range(self):
        for old, new in (("early_ms = 181000", "early_ms = -1"), ("ring_timeout_ms = 60000", "ring_timeout_ms = -5")):
            with self.subTest(new):
                text, line = self.changed(old, new)
                self.refuse(text, line=line)

    def test_a_word_that_is_not_among_those_allowed(self):
        for old, new in (('durability = "process"', 'durability = "steel"'), ('level = "info"', 'level = "chatty"')):
            with self.subTest(new):
                text, line = self.changed(old, new)
                self.refuse(text, new.split('"')[1], line=line)

    def test_a_syntax_error(self):
        text, line = self.changed("workers = 1", "workers = = 1")
        self.refuse(text, line=line)

    def test_a_key_given_twice(self):
        text, _ = self.changed("workers = 1", "workers = 1\nworkers = 2")
        self.refuse(text, "workers")

    def test_bytes_that_are_not_text(self):
        path = self.folder / "tandem.toml"
        path.write_bytes(b"[sip]\n\xff\xfe\x00")
        result = self.run_tandemd("--config", path, "--check")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, rf"\A{re.escape(str(path))}:\d+:\d+: \S.*\n\Z")


if __name__ == "__main__":
    main()
