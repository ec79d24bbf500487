"""A page of your own in place of boardcam's (`--static`), in Chromium."""

import tempfile
import tomllib
from pathlib import Path

from browser import WithBrowser, await_moving, number_on_screen, text
from program import Program, until
from recipes import snippet
from users import PASSWORD, WATCHER, make_users


def own_page(test):
    """The options for the recipe's page; `test` is a class of tests, at whose end it is removed."""
    folder = tempfile.TemporaryDirectory()
    test.addClassCleanup(folder.cleanup)
    Path(folder.name, "index.html").write_text(snippet("html", "page"))
    (option,) = tomllib.loads(snippet("toml", "page"))
    return [f"--{option}", folder.name]


class OwnPage(WithBrowser):
    @classmethod
    def make_program(cls):
        return Program(options=own_page(cls))

    def check_page(self):
        await_moving(self.browser, number_on_screen)
        until("its script says that the camera is live", lambda: text(self.browser, "state") == "live")
        self.assertEqual(self.browser.title, "Garden")

    def test_the_page_shows_the_stream_and_its_own_script_runs(self):
        self.browser.get(self.url + "/")
        self.check_page()

    def test_the_page_of_one_camera_shows_that_camera(self):
        self.browser.get(self.url + "/cameras/camera")
        self.check_page()


class OwnPageBehindAPassword(OwnPage):
    @classmethod
    def make_program(cls):
        return Program(options=[*own_page(cls), "--config", make_users(cls)])

    def setUp(self):
        super().setUp()
        self.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.browser.get(self.url + "/")
        field = lambda name: self.browser.find_element("css selector", f"input[name={name}]")
        style = "return getComputedStyle(document.body).display"
        until("the form has boardcam's style", lambda: self.browser.execute_script(style) == "grid")
        field("name").send_keys(WATCHER)
        field("password").send_keys(PASSWORD)
        self.browser.find_element("css selector", "button").click()
        until("it is signed in", lambda: self.browser.title == "Garden")
