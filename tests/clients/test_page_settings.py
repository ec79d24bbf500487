"""Headless Chromium: size, rate, format and quality of the test pattern are changed on the page, and the program itself
answers. Screenshots stay in target/clients/looks."""

import tempfile

from selenium.webdriver.common.keys import Keys

from browser import WithBrowser, set_screen, state, text
from program import OUT, Program, until
from test_page_panel import FLAWS

LOOKS = OUT / "looks"


class Settings(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        return Program(size=(320, 240), fps=10, state=folder.name)

    def size(self):
        return self.run_js("const size = chosen().size(); return size && [size.width, size.height]")

    def set(self, name, value):
        field = self.browser.find_element("id", f"setting-{name}")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value, Keys.ENTER)

    def how(self):
        return text(self.browser, "settings-how")

    def check_looks(self, name):
        LOOKS.mkdir(exist_ok=True)
        self.run_js("byId('settings').scrollIntoView()")
        self.browser.save_screenshot(str(LOOKS / f"settings-{name}.png"))
        self.assertEqual(self.run_js(FLAWS), [], name)

    def change_and_reset(self, screen):
        set_screen(self.browser, screen)
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.run_js("window.sameAsBefore = true")
        self.browser.find_element("tag name", "body").send_keys("c")
        until("the settings", lambda: self.run_js("return Boolean(byId('setting-size') && (byId('settings').open = true))"))
        items = "return [...byId('setting-format').options].map((item) => item.label)"
        self.assertEqual(self.run_js(items), ["Automatic (yuyv)", "yuyv"])
        self.set("size", "640×352")
        until("its picture", lambda: self.size() == [640, 352])
        until("it is said", lambda: self.how() == "This overrules the settings (size), after a restart too.")
        self.set("size", "9x")
        until("why", lambda: "WIDTHxHEIGHT" in text(self.browser, "setting-size-wrong"))
        self.assertEqual(self.run_js("return byId('setting-size').value"), "640x352")
        self.check_looks(f"{screen}-wrong")
        # As in the settings file.
        self.set("size", "360p")
        until("its picture", lambda: self.size() == [640, 360])
        until("nothing is wrong", lambda: text(self.browser, "setting-size-wrong") == "")
        # The pattern has at most 8192 pixels a side, which shows when it is opened.
        self.set("size", "16000x100")
        until("it is refused", lambda: "16000x100" in self.how() and "in use again" in self.how())
        until("as before", lambda: self.size() == [640, 360])
        self.check_looks(f"{screen}-refused")
        self.browser.find_element("id", "settings-reset").send_keys(Keys.ENTER)
        until("as in the settings", lambda: self.size() == [320, 240] and self.how() == "")
        self.assertTrue(self.run_js("return window.sameAsBefore"), "the page was loaded again")
        # It is nothing that the buttons for turning would reset.
        self.assertFalse(self.run_js("return byId('unturn').checkVisibility()"))

    def test_another_size_comes_on_a_phone_and_a_wrong_one_is_said_beside_it(self):
        self.change_and_reset("phone")

    def test_another_size_comes_on_a_desktop_and_a_wrong_one_is_said_beside_it(self):
        self.change_and_reset("desktop")
