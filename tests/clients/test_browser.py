"""Headless Chromium: the page of one camera, and a bare <img>. Screenshots stay in target/clients."""

import tempfile

from browser import (
    SCREENS,
    WithBrowser,
    await_moving,
    get_state,
    number_on_screen,
    open_browser,
    set_screen,
    show_bare_img,
    state,
    text,
    watched,
)
from program import HEIGHT, OUT, WIDTH, Program, until

README_SCREEN = {"width": 1000, "height": 690, "deviceScaleFactor": 1, "mobile": False}
README_BYTES_MAX = 200_000


class Page(WithBrowser):
    def test_the_page_shows_moving_pictures_on_phone_and_desktop(self):
        for name, size in SCREENS.items():
            with self.subTest(name):
                set_screen(self.browser, name)
                self.open()
                await_moving(self.browser)
                until("it says live", lambda: state(self.browser) == "live")
                until("it says the size", lambda: f"{WIDTH}×{HEIGHT}" in text(self.browser, "figures"))
                overflow = "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                self.assertEqual(self.run_js(overflow), list(size), "the page does not fit the screen")
        complaints = [entry for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]
        self.assertEqual(complaints, [], "Chromium complains about the page")

    def test_the_page_comes_back_by_itself_after_a_power_cut(self):
        program = Program()
        self.addCleanup(lambda: program.kill())
        self.browser.get(program.url + "/")
        await_moving(self.browser)
        program.kill()
        until("it says that it reconnects", lambda: state(self.browser) == "reconnecting")
        until("it says what to check", lambda: text(self.browser, "advice"))
        self.browser.save_screenshot(str(OUT / "page-away.png"))
        program = Program(port=program.port)
        until("it says live again", lambda: state(self.browser) == "live")
        await_moving(self.browser)

    def test_the_page_says_in_words_that_there_is_no_camera(self):
        program = Program("/dev/no-such-camera")
        self.addCleanup(program.stop)
        self.browser.get(program.url + "/")
        until("it waits for the camera", lambda: state(self.browser) == "waiting")
        self.assertIn("/dev/no-such-camera", text(self.browser, "problem"))
        self.assertTrue(text(self.browser, "advice"))

    def test_the_page_leaves_while_nobody_looks_and_comes_back(self):
        self.open()
        await_moving(self.browser)
        until("one viewer", lambda: watched(self.program) == ["camera"])
        page = self.browser.current_window_handle
        self.browser.switch_to.new_window("tab")
        until("no viewer", lambda: watched(self.program) == [])
        self.browser.close()
        self.browser.switch_to.window(page)
        await_moving(self.browser)
        self.assertEqual(watched(self.program), ["camera"])

    def test_the_page_works_where_the_browser_trusts_it_least(self):
        # Under a plain name, as http://board.local, this is not a secure context.
        program = Program("front=pattern", "back=pattern", options=["--host", "board.test"])
        self.addCleanup(program.stop)
        browser = open_browser(self, "--host-resolver-rules=MAP board.test 127.0.0.1")
        browser.get(f"http://board.test:{program.port}/")
        self.assertFalse(browser.execute_script("return isSecureContext"))
        until("two streams", lambda: watched(program) == ["back", "front"])
        browser.find_element("css selector", ".open").click()
        until("one stream", lambda: watched(program) == ["front"])
        await_moving(browser)
        browser.execute_script("snapshot()")
        until("a snapshot", lambda: "front-" in text(browser, "note"))
        browser.execute_script("choosePicture('smaller')")
        browser.refresh()
        until("the choice is remembered", lambda: browser.execute_script("return choice") == "smaller")

    def test_the_page_says_how_many_frames_it_is_sent_and_how_old_they_are(self):
        self.open()

        def agree():
            id = self.run_js("return tiles[0] && tiles[0].stream && tiles[0].stream.id")
            rows = [row for row in get_state(self.program)["viewers"] if row["id"] == id]
            sent, age = text(self.browser, "figures"), text(self.browser, "value-age")
            return rows and rows[0]["fps"] > 0 and rows[0]["age_ms"] > 0 and "fps" in sent and " ms" in age

        until("the figures of its own stream, by the name that it gave it", agree)

    def test_the_page_makes_a_screenshot_for_the_readme(self):
        """docs/page.png is a copy of it."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        options = ["--name", "workshop", "--record-folder", folder]
        program = Program(size=(1280, 720), options=options)
        self.addCleanup(program.stop)
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", README_SCREEN)
        self.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        self.browser.get(program.url + "/")
        until("it says live", lambda: state(self.browser) == "live")
        until("the picture's size", lambda: "1280×720" in text(self.browser, "figures"))
        until("one viewer", lambda: text(self.browser, "viewers") == "1 viewer")
        until("the picture", lambda: self.run_js("return document.querySelector('.tile img').naturalWidth") == 1280)
        self.run_js("showControls()")
        file = OUT / "page.png"
        self.browser.save_screenshot(str(file))
        self.assertLess(file.stat().st_size, README_BYTES_MAX)


class BareImg(WithBrowser):
    def test_a_bare_img_in_another_page_shows_moving_pictures(self):
        show_bare_img(self, self.browser, self.url + "/stream")
        await_moving(self.browser, number_on_screen)
        self.browser.save_screenshot(str(OUT / "bare-img.png"))
