"""The page of administration in a real browser: what it shows of calls, and that it shows no more than it should."""
import json
import os
import shutil
import subprocess
import threading
import unittest
from pathlib import Path

from admin import Admin
from harness import Cdr, main
from restarting import TALK
from sides import Parties
from sipp import PATIENCE, end_with_test, wait_until

SCRIPT = Path(__file__).with_name("browser.js")
PROFILES = '[[profile]]\nname = "total"\nlimit = 2\n'
JOINS = 'profiles = ["total"]'


class Browser:
    """Chromium on one page."""

    def __init__(self, folder, url, width=1100, height=900):
        for program in ("node", "chromium"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"needs {program} (Debian packages nodejs, node-ws, chromium)")
        self.folder = folder
        self.complaints, self._answers, self._came = [], [], threading.Condition()
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), str(folder), url, str(width), str(height)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=end_with_test,
            env=os.environ | {"NODE_PATH": "/usr/share/nodejs", "HOME": str(folder)})
        threading.Thread(target=self._listen, daemon=True).start()
        self._next()

    def _listen(self):
        for line in self._process.stdout:
            said = json.loads(line)
            with self._came:
                (self.complaints if "complaint" in said else self._answers).append(said)
                self._came.notify()

    def _next(self):
        with self._came:
            if not self._came.wait_for(lambda: self._answers, PATIENCE):
                raise AssertionError(f"the browser says nothing; it complains of {self.complaints}")
            answer = self._answers.pop(0)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]

    def ask(self, expression):
        self._process.stdin.write(" ".join(expression.split()) + "\n")
        self._process.stdin.flush()
        return self._next()

    def picture(self, name):
        return Path(self.ask(f"picture {name}"))

    def text(self, selector):
        return self.ask(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")

    def shows(self, selector, wanted):
        try:
            wait_until(lambda: self.text(selector) == wanted, f"{selector} shows {wanted}")
        except AssertionError as late:
            raise AssertionError(f"{late}, but {self.text(selector)}; complaints: {self.complaints}") from None

    def end(self):
        if self._process.stdin.closed:
            return
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()


class WithPage(Parties):
    token = ""

    def setUp(self):
        super().setUp()
        self.admin = Admin(self.ports.take(), self.token)
        self.browsers = []

    def begin(self, **settings):
        self.open("bob", more=JOINS, profiles=PROFILES, apis=self.admin.toml, **settings)

    def finish(self, *expected, **more):
        """The same, when the connections of the browser are gone."""
        for browser in self.browsers:
            browser.end()
        self.tandemd.descriptors_at_start += 1  # SQLite keeps one for whoever reads records the next time
        return super().finish(*expected, **more)

    def browse(self, **size):
        folder = self.folder / f"browser-{len(list(self.folder.glob('browser-*')))}"
        folder.mkdir()
        browser = Browser(folder, f"http://127.0.0.1:{self.admin.port}/", **size)
        self.addCleanup(browser.end)
        self.browsers.append(browser)
        return browser


class Calls(WithPage):
    def test_it_shows_calls_as_they_come_and_go_profiles_records_and_a_ladder(self):
        self.begin()
        browser = self.browse()
        browser.shows("#link", [f"127.0.0.1:{self.admin.port}"])
        browser.shows("#calls tbody td", ["none"])
        first = self.talk(self.phone(), "bob", *TALK)
        second = self.talk(self.phone(), "bob", *TALK)
        self.assertEqual(self.phone().ask(self.phone().request("INVITE")).code, 503)
        browser.shows("#active", ["2"])
        browser.shows("#limited", ["1"])
        browser.shows("#profiles .row", ["total2 of 2"])
        browser.shows("#calls tbody td:nth-child(3)", ["confirmed"] * 2)
        wait_until(lambda: "00:01" in browser.text("#calls tbody td:nth-child(4)"), "durations go on")
        self.assertTrue(browser.ask('document.querySelector("#chart polyline.active").points.length > 0'))

        self.hang_up(*first)
        browser.shows("#active", ["1"])
        browser.shows("#cdrs tbody tr td:last-child", ["caller bye", "limit"])
        browser.ask('document.querySelectorAll("#cdrs tbody tr")[0].click()')
        browser.shows("#ladder g text:nth-of-type(1)",
                      ["INVITE (1 INVITE)", "100 Trying (1 INVITE)", "INVITE (1 INVITE)", "180 Raw (1 INVITE)",
                       "180 Raw (1 INVITE)", "200 Raw (1 INVITE)", "200 Raw (1 INVITE)", "ACK (1 ACK)", "ACK (1 ACK)",
                       "BYE (2 BYE)", "200 OK (2 BYE)", "BYE (2 BYE)", "200 Raw (2 BYE)"])
        browser.ask('document.querySelector("#ladder g").dispatchEvent(new MouseEvent("click"))')
        self.assertTrue(browser.text("#ladder-text")[0].startswith("INVITE sip:bob@"))
        self.assertGreater(browser.picture("ladder.png").stat().st_size, 10_000)
        browser.ask('document.querySelector("[data-close]").click()')

        browser.ask('document.getElementById("filter").value = "nobody";'
                    'document.getElementById("filter").dispatchEvent(new Event("input"))')
        browser.shows("#calls tbody td", ["none"])
        self.hang_up(*second)
        browser.shows("#active", ["0"])
        self.assertEqual(browser.complaints, [])
        self.finish(*[Cdr("caller_bye", 200)] * 2, Cdr("limit", 503))

    def test_it_fits_a_phone_and_comes_back_after_a_restart(self):
        self.begin()
        browser = self.browse(width=390, height=800)
        browser.shows("#calls tbody td", ["none"])
        caller, callee = self.talk(self.phone(), "bob", *TALK)
        browser.shows("#active", ["1"])
        self.assertTrue(browser.ask("document.documentElement.scrollWidth <= 390"))
        self.tandemd.restart()
        browser.shows("#link", [f"127.0.0.1:{self.admin.port}"])
        browser.shows("#active", ["1"])
        browser.shows("#calls tbody td:nth-child(3)", ["confirmed"])
        self.hang_up(caller, callee)
        browser.shows("#active", ["0"])
        self.finish(Cdr("caller_bye", 200))

    def test_what_a_caller_calls_himself_is_text(self):
        self.begin()
        browser = self.browse()
        browser.shows("#calls tbody td", ["none"])
        raw = self.phone()
        name = "%3Cimg%20src=x%20onerror=alert(1)%3E"
        caller, callee, invite, got = self.ring(raw, "bob", From=f"<sip:{name}@host.example>;tag=evil", **TALK[0])
        browser.shows("#calls tbody td:first-child", [f"{name}@host.example"])
        self.assertEqual(browser.ask('document.querySelectorAll("img").length'), 0)
        callee.answer(got, **TALK[1])
        self.accept(caller, invite)
        self.hang_up(caller, callee)
        self.finish(Cdr("caller_bye", 200))


class Token(WithPage):
    token = "s3cret/+~x"

    def test_it_asks_for_the_token_and_shows_nothing_before(self):
        self.begin()
        browser = self.browse()
        wait_until(lambda: browser.ask('document.getElementById("login")?.open'), "it asks for the token")
        enter = ('document.getElementById("token").value = {};'
                 'document.querySelector("#login button").click()')
        browser.ask(enter.format(json.dumps("wrong")))
        wait_until(lambda: browser.ask('document.getElementById("login")?.open'), "it asks once more")
        self.assertIn("not the right one", browser.text("#login-note")[0])
        browser.ask(enter.format(json.dumps(self.token)))
        browser.shows("#calls tbody td", ["none"])
        self.assertFalse(browser.ask('document.getElementById("login")?.open'))
        self.finish()


if __name__ == "__main__":
    main()
