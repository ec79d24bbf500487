"""From an address that is not loopback, as from a phone: there a plain HTTP page is not a secure context."""

import unittest

import namespace
from browser import await_moving, number_on_screen, open_browser, set_screen, show_bare_img, state
from program import OUT, Program, until


class FromElsewhere(unittest.TestCase):
    def setUp(self):
        self.enterContext(namespace.entered())
        self.program = Program(address=namespace.ADDRESS)
        self.addCleanup(self.program.stop)
        self.url = self.program.url

    def test_the_page_works_without_a_secure_context(self):
        browser = open_browser(self)
        set_screen(browser, "phone")
        browser.get(self.url + "/")
        self.assertFalse(browser.execute_script("return window.isSecureContext"))
        await_moving(browser)
        until("it says live", lambda: state(browser) == "live")
        browser.save_screenshot(str(OUT / "page-from-elsewhere.png"))
        complaints = [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
        self.assertEqual(complaints, [], "Chromium complains about the page")

    def test_a_bare_img_works_from_elsewhere(self):
        browser = open_browser(self)
        show_bare_img(self, browser, self.url + "/stream")
        await_moving(browser, number_on_screen)
