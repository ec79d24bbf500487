"""Headless Chromium: from the form to the live picture and out again, from an address that is not loopback; and how
the form looks."""

import json
import unittest

import namespace
from browser import SCREENS, await_moving, open_browser, set_media, set_screen, speak, state
from program import OUT, until
from users import PASSWORD, USER, WATCHER, ask, make_guarded

LOOKS = OUT / "looks"
# What does not fit its place, or is too small for a finger.
FLAWS = """
    const flaws = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) flaws.push('the form is wider than the window');
    for (const element of document.querySelectorAll('input:not([type=hidden]), button, h1, p, label')) {
        const box = element.getBoundingClientRect();
        if (element.scrollWidth > element.clientWidth + 1) flaws.push(`cut off: ${element.innerText}`);
        if (box.left < 0 || box.right > innerWidth) flaws.push(`outside: ${element.innerText || element.name}`);
        if (['INPUT', 'BUTTON'].includes(element.tagName) && box.height < 44) flaws.push(`small: ${element.name}`);
        element.scrollIntoView();
        const seen = element.getBoundingClientRect();
        if (seen.top < -1 || (seen.height < innerHeight && seen.bottom > innerHeight + 1))
            flaws.push(`out of reach: ${element.innerText || element.name}`);
    }
    return flaws;
"""


class SignIn(unittest.TestCase):
    def setUp(self):
        self.enterContext(namespace.entered())
        self.program = make_guarded(self, address=namespace.ADDRESS)
        self.addCleanup(self.program.stop)
        self.url = self.program.url
        self.browser = open_browser(self)
        set_screen(self.browser, "phone")

    def at(self):
        return self.browser.current_url.removeprefix(self.url)

    def fill_in(self, name, password):
        for field, text in [("name", name), ("password", password)]:
            self.browser.find_element("name", field).send_keys(text)
        self.browser.find_element("tag name", "button").click()

    def state(self):
        return json.loads(ask(self.url + "/state"))

    def run_js(self, script, *args):
        return self.browser.execute_script(script, *args)

    def complaints(self):
        return [entry for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]

    def test_one_signs_in_watches_changes_the_quality_and_signs_out(self):
        self.browser.get(self.url + "/")
        self.assertEqual(self.at(), "/sign-in")
        self.fill_in(USER, "wrong horse")
        # By script, since an element of the page before would be stale.
        told = "return (document.getElementById('message') || document.body).textContent"
        until("it says so", lambda: "Wrong user name or password" in self.run_js(told))
        self.complaints()  # of the refusal's status
        self.fill_in(USER, PASSWORD)
        until("the page", lambda: self.at() == "/")
        await_moving(self.browser)
        until("it says live", lambda: state(self.browser) == "live")
        self.run_js("openSheet()")
        until("the quality", lambda: self.run_js("return !byId('control').hidden && byId('quality').value") == "85")
        self.run_js("byId('quality').value = 30; byId('quality').dispatchEvent(new Event('change'))")
        until("it is changed", lambda: self.state()["cameras"][0]["quality"] == 30)
        self.browser.save_screenshot(str(OUT / "page-signed-in.png"))
        self.assertEqual(self.complaints(), [], "Chromium complains about the page")
        self.assertIn(USER, self.browser.find_element("id", "signed-in").text)
        self.browser.find_element("css selector", "#sign-out button").click()
        until("the form", lambda: self.at() == "/sign-in")
        until("its stream has ended", lambda: not self.state()["viewers"])
        self.browser.get(self.url + "/")
        self.assertEqual(self.at(), "/sign-in")

    def test_a_page_that_was_signed_out_elsewhere_leads_to_the_form(self):
        self.browser.get(self.url + "/")
        self.fill_in(WATCHER, PASSWORD)
        await_moving(self.browser)
        self.run_js("openSheet()")
        until("who it is", lambda: WATCHER in self.run_js("return byId('signed-in').textContent"))
        self.assertTrue(self.run_js("return byId('control').hidden"), "who may watch sees what they may not do")
        self.run_js("fetch('/sign-out', { method: 'POST' })")
        until("the form", lambda: self.at() == "/sign-in")
        until("its stream has ended", lambda: not self.state()["viewers"])

    def test_the_form_fits_every_size_and_language(self):
        LOOKS.mkdir(exist_ok=True)
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            for screen in SCREENS:
                set_screen(self.browser, screen)
                for scheme in ["light", "dark"]:
                    with self.subTest(f"{lang}, {screen}, {scheme}"):
                        set_media(self.browser, prefers_color_scheme=scheme)
                        self.browser.get(self.url + "/")
                        self.assertEqual(self.run_js("return document.documentElement.lang"), lang)
                        self.browser.save_screenshot(str(LOOKS / f"{lang}-sign-in-{screen}-{scheme}.png"))
                        self.assertEqual(self.run_js(FLAWS), [])
        self.assertEqual(self.complaints(), [], "Chromium complains about the form")
