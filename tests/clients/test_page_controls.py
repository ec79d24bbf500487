"""Headless Chromium: what a person does with the page of one camera, by touch, mouse, keyboard and screen reader."""

import contextlib
import socket

from selenium.webdriver.common.keys import Keys

from browser import SCREENS, WithBrowser, set_media, set_screen, speak, state, text, watched
from program import HEIGHT, WIDTH, Program, check_jpeg, until

KINDS_MAX = 4
"""Kinds of smaller pictures that the program makes at once."""
# The picture's magnification, and where its middle is.
PLACE = """
    const box = document.querySelector('.chosen .picture').getBoundingClientRect();
    return [box.width / innerWidth, box.x + box.width / 2, box.y + box.height / 2];
"""


class Controls(WithBrowser):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.take_downloads()

    def setUp(self):
        super().setUp()
        # No gliding: what is measured is where things come to rest.
        set_media(self.browser, prefers_reduced_motion="reduce")

    def watch(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")
        until("the size", lambda: text(self.browser, "figures"))

    def press(self, *keys):
        self.browser.find_element("tag name", "body").send_keys(*keys)

    def touch(self, kind, *points):
        points = [{"x": x, "y": y, "id": id} for id, (x, y) in enumerate(points)]
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def tap(self, x, y):
        self.touch("touchStart", (x, y))
        self.touch("touchEnd")

    def place(self):
        return self.run_js(PLACE)

    def sources(self):
        return self.run_js("return [...document.querySelectorAll('.tile img')].map((image) => image.src)")

    # --- A closer look.

    def test_two_fingers_magnify_the_picture_and_one_moves_it(self):
        set_screen(self.browser, "phone-landscape")
        self.watch()
        width, height = SCREENS["phone-landscape"]
        x, y = width / 2, height / 2
        self.touch("touchStart", (x - 50, y), (x + 50, y))
        for apart in range(60, 151, 10):
            self.touch("touchMove", (x - apart, y), (x + apart, y))
        self.touch("touchEnd")
        times, *middle = self.place()
        self.assertAlmostEqual(times, 3, delta=0.05)
        self.assertEqual([round(value) for value in middle], [x, y])
        self.touch("touchStart", (x, y))
        for step in range(10, 61, 10):
            self.touch("touchMove", (x + step, y - step / 2))
        self.touch("touchEnd")
        self.assertEqual([round(value) for value in self.place()[1:]], [x + 60, y - 30])
        for _ in range(3):
            self.touch("touchStart", (100, y))
            self.touch("touchMove", (800, y))
            self.touch("touchEnd")
        # The picture is as high as the window; its left edge comes no farther than that of the window.
        picture = height * WIDTH / HEIGHT * self.place()[0]
        self.assertAlmostEqual(self.place()[1] - picture / 2, 0, delta=1)
        self.assertFalse(self.run_js("return visualViewport.scale > 1"), "the page itself was magnified")

    def test_a_double_tap_magnifies_what_is_under_it_and_another_shows_all(self):
        self.watch()
        for magnified in [True, False]:

            def changed():
                if (self.place()[0] > 1) == magnified:
                    return True
                # Again, since on a busy machine two taps may be too far apart for a double tap.
                self.tap(300, 500)
                self.tap(300, 500)
                return False

            until("another size", changed)
        self.assertEqual(self.place()[0], 1)

    def test_the_wheel_magnifies_where_the_mouse_is(self):
        set_screen(self.browser, "desktop")
        self.watch()
        wheel = {"type": "mouseWheel", "x": 720, "y": 450, "deltaX": 0, "deltaY": -400}
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", wheel)
        until("larger", lambda: self.place()[0] > 2)
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", {**wheel, "deltaY": 2000})
        until("whole", lambda: self.place()[0] == 1)

    def test_keys_magnify_and_move_and_a_button_shows_all_again(self):
        set_screen(self.browser, "desktop")
        self.watch()
        button = self.browser.find_element("id", "unzoom")
        self.assertFalse(button.is_displayed())
        self.press("+", "+")
        self.assertAlmostEqual(self.place()[0], 2.25, delta=0.01)
        self.assertIn("2.3", button.get_attribute("aria-label"))
        before = self.place()
        self.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
        after = self.place()
        self.assertLess(after[1], before[1])
        self.assertLess(after[2], before[2])
        self.press("-")
        self.assertAlmostEqual(self.place()[0], 1.5, delta=0.01)
        button.click()
        self.assertEqual(self.place()[0], 1)
        self.press("+", "0")
        self.assertEqual(self.place()[0], 1)

    # --- Full screen, controls that fade, snapshot.

    def test_full_screen_by_button_and_key_in_landscape_too(self):
        full = "return Boolean(document.fullscreenElement)"
        for screen in ["phone-landscape", "desktop"]:
            with self.subTest(screen):
                set_screen(self.browser, screen)
                self.watch()
                self.browser.find_element("id", "fullscreen").click()
                until("full screen", lambda: self.run_js(full))
                self.press("f")
                until("no full screen", lambda: not self.run_js(full))

    def test_a_tap_hides_the_controls_and_another_brings_them_back(self):
        self.watch()
        idle = "return document.body.classList.contains('idle')"
        until("hidden by themselves", lambda: self.run_js(idle))
        self.tap(195, 422)
        until("there", lambda: not self.run_js(idle))
        self.run_js("clearTimeout(idle)")  # not by themselves this time
        until("the end of a double tap's time", lambda: self.run_js("return performance.now() - lastTap.at > DOUBLE_MS"))
        self.tap(195, 422)
        until("hidden", lambda: self.run_js(idle))

    def test_a_snapshot_is_saved_under_the_cameras_name_and_the_time(self):
        self.watch()
        for save in [self.browser.find_element("id", "snapshot").click, lambda: self.press("s")]:
            until("the one before is done", lambda: not self.run_js("return isSavingSnapshot"))
            save()
            saved = until("a file", lambda: [*self.downloads.glob("camera-20??-??-??_??-??-??.jpg")])
            check_jpeg(saved[0].read_bytes())
            saved[0].unlink()
        self.assertIn("camera-", text(self.browser, "note"))

    # --- Options.

    def open_options(self):
        self.press("o")
        sheet = self.browser.find_element("id", "sheet")
        until("the options", sheet.is_displayed)
        return sheet

    def choose(self, name):
        self.open_options().find_element("css selector", f"[value={name}]").click()
        self.press(Keys.ESCAPE)

    def test_the_chosen_picture_is_asked_for_and_remembered(self):
        self.watch()
        for name, wanted in [("smaller", ["size=960x720", "quality=75"]), ("smallest", ["size=480x360", "fps=10"])]:
            self.choose(name)
            for _ in range(2):
                sources = until("a picture", self.sources)
                self.assertEqual(len(sources), 1)
                for parameter in wanted:
                    self.assertIn(parameter, sources[0])
                until("one stream", lambda: watched(self.program) == ["camera"])
                self.browser.refresh()
        until("the size that is shown", lambda: "480×360" in text(self.browser, "figures"))
        self.choose("original")
        until("the original", lambda: [source for source in self.sources() if "size=" not in source])
        until("the size that is shown", lambda: f"{WIDTH}×{HEIGHT}" in text(self.browser, "figures"))

    def test_when_others_watch_all_other_kinds_the_page_still_gets_its_smaller_picture(self):
        with contextlib.ExitStack() as stack:
            for number in range(KINDS_MAX):
                source = (f"127.0.0.{2 + number // 2}", 0)  # two kinds for each address
                others = stack.enter_context(socket.create_connection(("127.0.0.1", self.program.port), source_address=source))
                others.sendall(f"GET /stream?quality={5 * number + 5} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            until("as many kinds as the board makes", lambda: len(watched(self.program)) == KINDS_MAX)
            self.watch()
            self.choose("smaller")
            until("its picture", lambda: any("size=960x720" in source for source in self.sources()))
            until("live", lambda: state(self.browser) == "live")
            until("all of them", lambda: len(watched(self.program)) == KINDS_MAX + 1)

    def test_the_options_tell_what_is_sent_and_how_old_it_is(self):
        self.watch()
        self.open_options()
        self.run_js("byId('statistics').open = true")
        for id in ["value-camera", "figures", "value-age", "value-skipped"]:
            until(id, lambda: any(digit.isdigit() for digit in text(self.browser, id)))

    # --- Languages, screen reader, keyboard, colours.

    def test_the_page_speaks_english_and_russian(self):
        self.addCleanup(speak, self.browser, "en-US")
        for languages, lang, live in [("ru-RU,ru", "ru", "В эфире"), ("de,en", "en", "Live"), ("xx", "en", "Live")]:
            with self.subTest(languages):
                speak(self.browser, languages)
                self.watch()
                self.assertEqual(text(self.browser, "state"), live)
                self.assertEqual(self.run_js("return document.documentElement.lang"), lang)

    def test_every_control_has_a_name_and_is_reached_by_tab_with_a_visible_focus(self):
        self.watch()
        seen = []
        for _ in range(6):
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
            focused = self.run_js("""
                const element = document.activeElement, style = getComputedStyle(element);
                return [element.id, element.getAttribute('aria-label'), style.outlineStyle, style.outlineWidth];
            """)
            if focused[0] and focused[0] not in [id for id, *_ in seen]:
                seen.append(focused)
        self.assertEqual([id for id, *_ in seen], ["snapshot", "record", "options", "fullscreen"])
        for id, label, *outline in seen:
            self.assertTrue(label, id)
            self.assertEqual(outline, ["solid", "3px"], id)

    def test_a_screen_reader_hears_what_is_shown_and_no_chatter(self):
        self.watch()
        said = self.heard()
        for wanted in [("image", "Picture from camera"), ("button", "Save a snapshot"), ("button", "Options")]:
            self.assertIn(wanted, said)
        until("it is said", lambda: self.announced().endswith(": Live"))
        self.check_silence()

    def test_what_is_wrong_is_read_out_once(self):
        program = Program("/dev/no-such-camera")
        self.addCleanup(program.stop)
        self.browser.get(program.url + "/")
        until("it is said", lambda: self.announced().endswith(": Waiting for the camera"))
        self.check_silence()

    def announced(self):
        return self.run_js("return byId('announcement').textContent")

    def check_silence(self):
        """Looks at the server go on, and nothing that is read out changes."""
        self.run_js("""
            window.changes = 0;
            const count = new MutationObserver(() => (window.changes += 1));
            for (const live of document.querySelectorAll('[role=status], [role=alert]'))
                count.observe(live, { childList: true, subtree: true, characterData: true });
        """)
        looks = "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/state')).length"
        first = self.run_js(looks)
        until("two more looks", lambda: self.run_js(looks) > first + 1)
        self.assertEqual(self.run_js("return window.changes"), 0)

    def test_it_is_light_or_dark_as_the_device_is_set(self):
        self.watch()
        back = {}
        for scheme in ["light", "dark"]:
            set_media(self.browser, prefers_color_scheme=scheme)
            back[scheme] = self.run_js("return getComputedStyle(document.body).backgroundColor")
        self.assertEqual(back, {"light": "rgb(233, 236, 240)", "dark": "rgb(0, 0, 0)"})

    def test_nothing_moves_or_blinks_for_users_who_prefer_reduced_motion(self):
        moving = """
            return [...document.querySelectorAll('*')].map((element) => getComputedStyle(element))
                .filter((style) => style.animationName !== 'none' || style.transitionDuration !== '0s').length;
        """
        self.watch()
        self.assertEqual(self.run_js(moving), 0)
        set_media(self.browser)
        self.assertGreater(self.run_js(moving), 0)
