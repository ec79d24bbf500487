"""Headless Chromium: the page of several cameras, in one window and in several."""

from selenium.webdriver.common.keys import Keys

from browser import WithBrowser, await_moving, set_screen, shown_number, state, text, watched
from program import Program, until

NAMES = ["door", "garden", "garage", "attic", "yard", "printer"]
LIVE_MAX = 3
"""Live streams of one browser, as in stream_share.js."""
PAGES = 4
"""Side by side; each would take three of the six connections."""


class Cameras(WithBrowser):
    @classmethod
    def make_program(cls):
        return Program(*(f"{name}=pattern" for name in NAMES), size=(320, 240), fps=10)

    def setUp(self):
        for handle in self.browser.window_handles[1:]:
            self.browser.switch_to.window(handle)
            self.browser.close()
        self.browser.switch_to.window(self.browser.window_handles[0])
        super().setUp()
        set_screen(self.browser, "desktop")

    def await_watched(self, *cameras):
        what = f"streamed: {cameras}"
        until(what, lambda: watched(self.program) == sorted(cameras))

    def tile(self, name):
        return self.browser.find_element("xpath", f"//li[.//*[@class='name'][.='{name}']]")

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def focused(self):
        return self.run_js("return document.activeElement.innerText.split('\\n')[0] || document.activeElement.id")

    def test_six_cameras_move_three_of_them_live_and_the_others_by_stills(self):
        self.open()
        self.await_watched(*NAMES[:LIVE_MAX])
        for name in NAMES:
            with self.subTest(name):
                await_moving(self.browser, lambda browser: shown_number(browser, name), frames=1)
        states = self.run_js("return [...document.querySelectorAll('.tile')].map((tile) => tile.dataset.state)")
        self.assertEqual(states, ["live"] * LIVE_MAX + ["stills"] * 3)
        self.assertEqual(text(self.browser, "state"), "6 cameras, 3 live")
        self.assertEqual(watched(self.program), sorted(NAMES[:LIVE_MAX]))

    def test_what_comes_into_sight_is_live(self):
        metrics = {"width": 300, "height": 400, "deviceScaleFactor": 1, "mobile": True}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.open()
        until("the first is streamed", lambda: NAMES[0] in watched(self.program))
        self.run_js("document.getElementById('tiles').scrollTo(0, 1e6)")
        ends = {NAMES[0], NAMES[-1]}
        until("the last is streamed, the first not", lambda: ends & set(watched(self.program)) == {NAMES[-1]})
        self.assertLessEqual(len(watched(self.program)), LIVE_MAX)

    def test_a_camera_that_is_tapped_fills_the_window_and_back_leads_to_all(self):
        self.open()
        self.await_watched(*NAMES[:LIVE_MAX])
        self.tile("yard").click()
        self.await_watched("yard")
        await_moving(self.browser, lambda browser: shown_number(browser, "yard"))
        self.assertEqual(text(self.browser, "title"), "yard")
        until("it fills the window", lambda: self.tile("yard").find_element("tag name", "img").size["width"] == 1440)
        self.browser.refresh()
        self.await_watched("yard")
        self.browser.back()
        self.await_watched(*NAMES[:LIVE_MAX])
        self.tile("garden").click()
        self.await_watched("garden")
        self.browser.find_element("id", "back").click()
        self.await_watched(*NAMES[:LIVE_MAX])

    def test_cameras_are_chosen_by_keyboard_and_the_focus_stays_where_one_was(self):
        self.open()
        self.await_watched(*NAMES[:LIVE_MAX])
        for _ in range(20):
            self.press(Keys.TAB)
            if self.focused() == "garage":
                break
        self.press(Keys.ENTER)
        self.await_watched("garage")
        self.assertEqual(self.focused(), "back")
        self.press(Keys.ARROW_RIGHT)
        self.await_watched("attic")
        self.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        self.await_watched("garden")
        self.press(Keys.ESCAPE)
        self.await_watched(*NAMES[:LIVE_MAX])
        self.assertEqual(self.focused(), "garden")

    def test_three_tabs_with_six_cameras_block_nothing(self):
        self.open()
        tabs = [self.browser.current_window_handle]
        for _ in range(2):
            self.browser.switch_to.new_window("tab")
            set_screen(self.browser, "desktop")
            self.open()
            tabs.append(self.browser.current_window_handle)
        for tab in tabs:
            self.browser.switch_to.window(tab)
            self.await_watched(*NAMES[:LIVE_MAX])  # and nothing for the two that are hidden
            for name in [NAMES[0], NAMES[-1]]:
                await_moving(self.browser, lambda browser: shown_number(browser, name), frames=1)

    def test_pages_side_by_side_share_three_streams_and_all_of_them_move(self):
        # Frames of one window: headless Chromium shows one window at a time, and to the page it is the same.
        self.open("/healthz")
        self.run_js("""
            document.body.innerHTML = '<iframe src="/" width="600" height="400"></iframe>'.repeat(arguments[0]);
        """, PAGES)
        until("three streams in all", lambda: len(watched(self.program)) == LIVE_MAX)
        for page in range(PAGES):
            self.browser.switch_to.frame(page)
            for name in [NAMES[0], NAMES[-1]]:
                await_moving(self.browser, lambda browser: shown_number(browser, name), frames=1)
            self.assertLessEqual(len(watched(self.program)), LIVE_MAX)
            self.browser.switch_to.default_content()
        self.run_js("document.querySelectorAll('iframe').forEach((page, i) => i && page.remove())")
        self.await_watched(*NAMES[:LIVE_MAX])

    def test_the_page_of_one_camera_shows_that_one_alone(self):
        self.open("/cameras/yard/")
        self.await_watched("yard")
        await_moving(self.browser, lambda browser: shown_number(browser, "yard"))
        self.assertFalse(self.browser.find_element("id", "back").is_displayed())

    def test_a_camera_is_called_by_its_title(self):
        program = Program("kitchen=pattern", options=["--title", "Küche"])
        self.addCleanup(program.stop)
        self.browser.get(program.url + "/")
        until("it is streamed", lambda: watched(program) == ["kitchen"])
        self.assertEqual(self.run_js("return document.querySelector('.tile .name').textContent"), "Küche")
        self.assertIn("Küche", self.run_js("return document.querySelector('.tile .picture').ariaLabel"))

    def test_one_camera_without_pictures_says_so_and_the_others_go_on(self):
        program = Program("here=pattern", "gone=/dev/no-such-camera")
        self.addCleanup(program.stop)
        self.browser.get(program.url + "/")
        until("the one that is there is streamed", lambda: watched(program) == ["here"])
        await_moving(self.browser, lambda browser: shown_number(browser, "here"))
        self.assertIn("/dev/no-such-camera", self.tile("gone").text)
        self.tile("gone").click()
        until("it waits for the camera", lambda: state(self.browser) == "waiting")
        self.assertTrue(text(self.browser, "advice"))
