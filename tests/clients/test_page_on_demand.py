"""Headless Chromium: the page wakes cameras that rest while nobody watches (`--on-demand`), and lets them rest again."""

from browser import WithBrowser, await_moving, get_state, set_screen, shown_number, speak, state, text
from program import Program, until

STATES = "return Object.fromEntries(tiles.map((tile) => [tile.name, tile.element.dataset.state]))"
TEXT_OF = "return tiles.find((tile) => tile.name === arguments[0]).element.querySelector('.how').textContent"


class OnDemand(WithBrowser):
    fps = 10

    @classmethod
    def make_program(cls):
        return Program("door=pattern", "garden=pattern", size=(320, 240), fps=cls.fps, options=["--on-demand", "1"])

    def states(self):
        return {camera["name"]: camera["state"] for camera in get_state(self.program)["cameras"]}

    def await_states(self, **states):
        until(f"{states}", lambda: self.states() == states)

    def setUp(self):
        super().setUp()
        set_screen(self.browser, "desktop")
        self.await_states(door="resting", garden="resting")

    def test_the_page_wakes_all_cameras_that_it_shows_and_they_rest_when_it_is_left(self):
        self.open()
        for name in ["door", "garden"]:
            await_moving(self.browser, lambda browser: shown_number(browser, name))
        until("both live", lambda: set(self.run_js(STATES).values()) == {"live"})
        self.assertEqual(text(self.browser, "state"), "2 cameras, 2 live")
        self.browser.get("about:blank")
        self.await_states(door="resting", garden="resting")

    def test_only_the_camera_that_is_shown_is_open_and_the_other_one_is_said_to_be_off(self):
        self.open("/#door")
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))
        until("the line at the top", lambda: state(self.browser) == "live")
        self.await_states(door="live", garden="resting")
        until("the tile", lambda: self.run_js(STATES)["garden"] == "resting")
        self.assertEqual(self.run_js(TEXT_OF, "garden"), "Off until somebody watches")
        self.assertEqual(self.run_js("return byId('problem').hidden"), True)

    def test_a_page_in_a_hidden_tab_lets_the_camera_rest_and_wakes_it_when_it_is_seen_again(self):
        self.open("/#door")
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))
        page = self.browser.current_window_handle
        self.browser.switch_to.new_window("tab")
        try:
            self.await_states(door="resting", garden="resting")
        finally:
            self.browser.close()
            self.browser.switch_to.window(page)
        await_moving(self.browser, lambda browser: shown_number(browser, "door"))

    def test_a_russian_page_says_it_in_russian(self):
        agent = self.run_js("return navigator.userAgent")
        english = {"userAgent": agent, "acceptLanguage": "en-US,en"}
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.setUserAgentOverride", english)
        speak(self.browser, "ru-RU,ru")
        self.open("/#door")
        until("the tile", lambda: self.run_js("return tiles.length === 2") and self.run_js(STATES)["garden"] == "resting")
        self.assertEqual(self.run_js(TEXT_OF, "garden"), "Выключена, пока никто не смотрит")
