"""Headless Chromium: the switch for privacy, on the page."""

import json
import tempfile
import urllib.request
from pathlib import Path

from browser import WithBrowser, await_moving, get_state, set_screen, shown_number, state, text
from program import OUT, Program, until

STATES = "return Object.fromEntries(tiles.map((tile) => [tile.name, tile.element.dataset.state]))"
HOW = "return tiles.find((tile) => tile.name === arguments[0]).element.querySelector('.how').textContent"
KEPT = """
const { canvas } = tiles.find((tile) => tile.name === arguments[0]);
const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
return data.some((value) => value);
"""
PRESS = "dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0] }))"


class Privacy(WithBrowser):
    fps = 10

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (OUT / "looks").mkdir(exist_ok=True)

    @classmethod
    def make_program(cls):
        return Program("door=pattern", "garden=pattern", size=(320, 240), fps=cls.fps)

    def states(self):
        return {camera["name"]: camera["state"] for camera in get_state(self.program)["cameras"]}

    def await_states(self, **states):
        until(f"{states}", lambda: self.states() == states)

    def switch(self, on):
        request = urllib.request.Request(
            f"{self.program.url}/api/privacy", json.dumps({"on": on}).encode(), method="PUT"
        )
        urllib.request.urlopen(request).close()

    def setUp(self):
        super().setUp()
        set_screen(self.browser, "phone")
        self.switch(False)
        self.await_states(door="live", garden="live")

    def test_the_switch_closes_the_camera_that_is_shown_and_the_tile_says_so_without_its_last_picture(self):
        self.open("/#door")
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))
        self.run_js("byId('options').click()")
        until("the switch", lambda: self.run_js("return !byId('privacy').hidden"))
        self.assertEqual(text(self.browser, "privacy-what"), "Close this camera")
        self.run_js("byId('privacy-on').click()")
        self.await_states(door="private", garden="live")
        until("the line at the top", lambda: state(self.browser) == "private")
        until("the switch is on", lambda: self.run_js("return byId('privacy-on').checked"))
        self.assertEqual(text(self.browser, "state"), "Closed for privacy")
        self.run_js("closeSheet()")
        self.open("/")
        until("the tile", lambda: self.run_js(STATES).get("door") == "private")
        self.assertEqual(self.run_js(HOW, "door"), "Closed for privacy")
        self.assertFalse(self.run_js(KEPT, "door"), "the last picture is there")

    def test_in_place_of_the_picture_is_why_there_is_none_and_a_button_that_opens_the_camera(self):
        self.open("/#door")
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))
        self.assertFalse(self.browser.find_element("id", "problem").is_displayed())
        self.switch(True)
        until("it is said", lambda: text(self.browser, "what") == "Closed for privacy")
        self.assertEqual(text(self.browser, "why"), "Nobody gets its picture, and it is not recorded")
        for screen in ["phone", "phone-landscape", "desktop"]:
            set_screen(self.browser, screen)
            self.browser.save_screenshot(str(OUT / "looks" / f"privacy-{screen}.png"))
        button = self.browser.find_element("id", "reopen")
        self.assertEqual(button.text, "Open the camera")
        self.assertGreaterEqual(button.size["height"], 44)
        button.click()
        self.await_states(door="live", garden="private")
        until("the picture", lambda: not self.browser.find_element("id", "problem").is_displayed())
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))

    def test_the_key_closes_all_cameras_that_are_shown_and_opens_them_again(self):
        self.open("/")
        for name in ["door", "garden"]:
            await_moving(self.browser, lambda browser: shown_number(browser, name))
        self.run_js(PRESS, "h")
        self.await_states(door="private", garden="private")
        until("both tiles", lambda: set(self.run_js(STATES).values()) == {"private"})
        for name in ["door", "garden"]:
            until("no last picture", lambda: not self.run_js(KEPT, name))
        self.run_js(PRESS, "h")
        self.await_states(door="live", garden="live")
        for name in ["door", "garden"]:
            await_moving(self.browser, lambda browser: shown_number(browser, name))


class Doubt(WithBrowser):
    """What was switched cannot be read."""

    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        Path(folder.name, "cameras.json").write_text('{"camera": {"priv')
        # On demand, so that nobody waits for it to be opened.
        return Program(size=(320, 240), state=folder.name, options=["--on-demand", "10"])

    def test_why_it_is_closed_although_nobody_wanted_that_is_said_beside_the_button(self):
        self.open()
        until("the reason", lambda: text(self.browser, "why").startswith("Privacy is on, since the file"))
        self.assertEqual(text(self.browser, "advice"), "Switch privacy off on the page")
        self.browser.find_element("id", "reopen").click()
        until("live", lambda: state(self.browser) == "live")
