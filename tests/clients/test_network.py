"""From an address that is not loopback, as from a phone: there a plain page is no secure context."""

import tempfile
import unittest

import cv2
import numpy

import namespace
from program import HEIGHT, OUT, WIDTH, Program, read_counter, until
from test_browser import await_moving, open_browser, set_screen, shown_number, state


class FromElsewhere(unittest.TestCase):
    def setUp(self):
        self.enterContext(namespace.entered())
        self.program = Program(address=namespace.ADDRESS)
        self.addCleanup(self.program.stop)
        self.url = self.program.url

    def test_the_page_works_where_it_is_no_secure_context(self):
        browser = open_browser(self)
        set_screen(browser, "phone")
        browser.get(self.url + "/")
        self.assertFalse(browser.execute_script("return window.isSecureContext"))
        await_moving(browser, shown_number)
        until("it says live", lambda: state(browser) == "live")
        browser.save_screenshot(str(OUT / "page-from-elsewhere.png"))
        complaints = [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
        self.assertEqual(complaints, [], "Chromium complains about the page")

    def test_a_bare_img_works_from_elsewhere(self):
        def number(browser):
            png = numpy.frombuffer(browser.get_screenshot_as_png(), numpy.uint8)
            return read_counter(cv2.imdecode(png, cv2.IMREAD_COLOR)[:HEIGHT, :WIDTH])

        with tempfile.NamedTemporaryFile("w", suffix=".html") as page:
            page.write(f'<body style="margin:0"><img src="{self.url}/stream">')
            page.flush()
            browser = open_browser(self)
            set_screen(browser, "desktop")
            browser.get(f"file://{page.name}")
            await_moving(browser, number)
