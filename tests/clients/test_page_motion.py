"""Headless Chromium: motion on the page, of a program that shows an empty room or somebody who walks through it. Screenshots
stay in target/clients/looks."""

import json
import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from browser import SCREENS, WithBrowser, set_media, set_screen, speak, state, text
from program import OUT, WAIT_S, Program, until
from room import Room
from test_page_panel import COVERED, FLAWS

LOOKS = OUT / "looks"
# Where the picture is on the screen: left, top, width, height.
AREA = "const { left, top, width, height } = byId('parts-area').getBoundingClientRect(); return [left, top, width, height]"
PARTS = "return parts"
DRAWN = "return [...document.querySelectorAll('#parts-area .part')].map((part) => part.className)"


class Motion(WithBrowser):
    @classmethod
    def make_program(cls):
        cls.room = Room(cls)
        LOOKS.mkdir(exist_ok=True)
        return Program(f"hall={cls.room.camera}", "other=pattern", options=["--motion-fps", "10"])

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        self.room.does("empty")
        self.ask("DELETE")

    def ask(self, method="GET", data=None):
        body = None if data is None else json.dumps(data).encode()
        asked = urllib.request.Request(f"{self.url}/api/cameras/hall/motion", body, method=method)
        with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
            return json.load(answer)

    def look(self, name):
        self.browser.save_screenshot(str(LOOKS / f"motion-{name}.png"))

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def watch(self, path="/#hall"):
        self.browser.get("about:blank")
        self.open(path)
        until("live", lambda: state(self.browser) == "live")

    def open_motion(self):
        self.watch()
        self.press("m")
        until("the part about motion", lambda: self.run_js("return byId('motion') && byId('motion').open && motionNow !== null"))

    def sensitivity(self, name):
        Select(self.browser.find_element("id", "motion-sensitivity")).select_by_value(name)
        until("it is set", lambda: self.ask()["sensitivity"] == name)

    def notice(self, name="medium"):
        self.ask("PUT", {"sensitivity": name})
        self.open_motion()
        until("a level", lambda: text(self.browser, "motion-figure"))
        until("nothing moves", lambda: text(self.browser, "motion-now") == "Nothing moves")

    def at(self, x, y):
        """The point of the screen at this place of the picture."""
        left, top, width, height = self.run_js(AREA)
        return left + x * width, top + y * height

    def touch(self, kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def draw(self, start, end):
        (x, y), (to_x, to_y) = self.at(*start), self.at(*end)
        self.touch("touchStart", (x, y))
        for step in [0.3, 0.7, 1]:
            self.touch("touchMove", (x + step * (to_x - x), y + step * (to_y - y)))
        self.touch("touchEnd")

    def tap(self, x, y):
        self.touch("touchStart", self.at(x, y))
        self.touch("touchEnd")

    def ignored(self, expected):
        """Waits until page and server leave out these parts, in per cent."""
        def same(parts):
            return len(parts) == len(expected) and all(
                abs(share * 100 - side) <= 1 for part, sides in zip(parts, expected) for share, side in zip(part, sides)
            )
        last = []
        try:
            until("the parts", lambda: last.append(self.ask()["ignore"]) or same(last[-1]) and same(self.run_js(PARTS)))
        except AssertionError as error:
            raise AssertionError(f"{error}: {last[-1:]}, on the page {self.run_js(PARTS)}, expected {expected}") from None

    # --- What moves.

    def test_the_key_m_opens_it_and_the_figure_tells_when_somebody_walks(self):
        self.open_motion()
        self.assertEqual(self.run_js("return document.activeElement.id"), "motion-sensitivity")
        self.assertEqual(self.run_js("return byId('motion-on').hidden && byId('parts').hidden"), True)
        self.sensitivity("high")
        until("nothing moves", lambda: text(self.browser, "motion-now") == "Nothing moves")
        self.look("phone-still")
        self.room.does("walks")
        until("something moves", lambda: text(self.browser, "motion-now") == "Something moves")
        self.look("phone-moving")
        bar, mark = self.run_js("return [byId('motion-bar').style.width, byId('motion-mark').style.left]")
        self.assertGreater(float(bar.rstrip("%")), 0)
        self.assertGreater(float(mark.rstrip("%")), 0)
        self.assertEqual(self.run_js("return byId('motion-level').className"), "moving")
        self.press(Keys.ESCAPE)
        until("the line at the top", lambda: "Something moves" in text(self.browser, "how"))
        self.look("phone-line")
        self.room.does("empty")
        until("that it is over", lambda: "Something moves" not in text(self.browser, "how"))

    def test_of_several_cameras_the_one_in_which_something_moves_has_a_sign(self):
        self.ask("PUT", {"sensitivity": "high"})
        set_screen(self.browser, "desktop")
        self.watch("/")
        signs = "return tiles.map((tile) => tile.element.querySelector('.moves').innerText)"
        until("no signs", lambda: self.run_js(signs) == ["", ""])
        self.room.does("walks")
        until("the sign", lambda: self.run_js(signs) == ["Something moves", ""])
        self.look("tiles")

    def test_off_is_off_and_while_there_are_no_pictures_it_says_so(self):
        self.notice()
        self.assertFalse(self.run_js("return byId('parts').hidden"))
        self.sensitivity("off")
        until("nothing is drawn", lambda: self.run_js("return byId('motion-on').hidden && byId('parts').hidden"))
        until("the server", lambda: self.ask()["level"] is None)

    # --- Parts that are left out.

    def test_a_part_is_drawn_by_finger_selected_by_a_tap_and_removed(self):
        self.notice()
        self.assertLess(self.run_js(COVERED), 1)
        self.draw((0.1, 0.2), (0.5, 0.6))
        self.ignored([(10, 20, 40, 40)])
        self.draw((0.9, 0.9), (0.7, 0.3))
        self.ignored([(10, 20, 40, 40), (70, 30, 20, 60)])
        self.assertEqual(self.run_js(DRAWN), ["part", "part selected"])
        self.look("phone-parts")
        self.assertEqual(self.run_js(FLAWS), [])
        self.tap(0.3, 0.4)
        until("the other is selected", lambda: self.run_js(DRAWN) == ["part selected", "part"])
        self.tap(0.6, 0.1)
        until("none is", lambda: self.run_js(DRAWN) == ["part", "part"])
        self.tap(0.3, 0.4)
        until("it is selected", lambda: self.run_js(DRAWN) == ["part selected", "part"])
        left, top, width, _ = self.run_js("""
            const { left, top, width, height } = document.querySelector('.part .remove').getBoundingClientRect();
            return [left, top, width, height];
        """)
        self.assertGreaterEqual(width, 44)
        self.touch("touchStart", (left + width / 2, top + 22))
        self.touch("touchEnd")
        self.ignored([(70, 30, 20, 60)])
        self.assertTrue(self.browser.find_element("id", "sheet").is_displayed(), "drawing closed the options")

    def test_what_is_drawn_beyond_the_picture_ends_at_its_edge_and_motion_there_does_not_count(self):
        set_screen(self.browser, "desktop")
        self.notice()
        left, top, width, height = self.run_js(AREA)
        mouse = ActionChains(self.browser, duration=50)
        mouse.w3c_actions.pointer_action.move_to_location(int(left + 5), int(top + height / 2))
        mouse.w3c_actions.pointer_action.pointer_down()
        mouse.w3c_actions.pointer_action.move_to_location(int(left + width + 200), int(top + height))
        mouse.w3c_actions.pointer_action.move_to_location(int(left + width + 200), 890)
        mouse.w3c_actions.pointer_action.pointer_up()
        mouse.perform()
        self.ignored([(0, 50, 100, 50)])
        self.room.does("walks")
        looks = self.metric("boardcam_motion_frames_total")
        until("twenty looks", lambda: self.metric("boardcam_motion_frames_total") > looks + 20)
        self.look("desktop-left-out")
        self.assertFalse(self.ask()["moving"])
        self.browser.find_element("css selector", "#parts-list .remove").click()
        self.ignored([])
        until("something moves", lambda: text(self.browser, "motion-now") == "Something moves")
        self.look("desktop-moving")

    def metric(self, name):
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=WAIT_S) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{camera="hall"}}'))

    def test_parts_are_added_changed_and_removed_by_keyboard_alone(self):
        set_screen(self.browser, "desktop")
        self.notice()
        self.run_js("byId('parts-add').focus()")
        self.press(Keys.ENTER)
        self.ignored([(35, 35, 30, 30)])
        focused = "return document.activeElement.getAttribute('aria-label')"
        self.assertEqual(self.run_js(focused), "Part 1, left, %")
        self.press(Keys.CONTROL, "a")
        self.press("80", Keys.TAB)
        # It ends where the picture ends.
        self.ignored([(80, 35, 20, 30)])
        self.assertEqual(self.run_js(focused), "Part 1, top, %")
        self.press(Keys.TAB, Keys.TAB, Keys.TAB)
        self.assertEqual(self.run_js(focused), "Remove: Part 1")
        self.press(Keys.ENTER)
        self.ignored([])
        self.assertEqual(self.run_js("return document.activeElement.id"), "parts-add")

    def test_as_configured_takes_all_back(self):
        self.notice("low")
        self.draw((0.2, 0.2), (0.8, 0.8))
        self.ignored([(20, 20, 60, 60)])
        until("what is overruled", lambda: "motion, motion-ignore" in text(self.browser, "motion-how"))
        self.run_js("byId('motion-reset').click()")
        until("the settings", lambda: self.ask()["sensitivity"] == "off" and self.ask()["ignore"] == [])
        until("the page", lambda: self.run_js("return byId('motion-sensitivity').value === 'off' && byId('motion-reset').hidden"))

    # --- Words and looks.

    def test_a_screen_reader_hears_names_and_figures(self):
        self.ask("PUT", {"ignore": [[0, 0, 0.5, 0.25]]})
        self.notice()
        said = self.heard()
        for wanted in [
            *[("combobox", "Sensitivity"), ("meter", "Share of the picture that moves"), ("list", "Parts to leave out")],
            *[("spinbutton", "Part 1, width, %"), ("button", "Remove: Part 1"), ("button", "Add a part")],
        ]:
            self.assertIn(wanted, said)

    def test_everything_fits_in_any_size_and_language(self):
        self.addCleanup(speak, self.browser, "en-US")
        self.ask("PUT", {"sensitivity": "medium", "ignore": [[0, 0, 0.5, 0.25], [0.7, 0.3333, 0.3, 0.6]]})
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            self.open_motion()
            for screen in SCREENS:
                for scheme in ["light", "dark"]:
                    with self.subTest(f"{lang}, {screen}, {scheme}"):
                        set_screen(self.browser, screen)
                        set_media(self.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
                        until("a figure", lambda: text(self.browser, "motion-figure"))
                        self.look(f"{lang}-{screen}-{scheme}")
                        self.assertEqual(self.run_js(FLAWS), [])
                        self.assertLess(self.run_js(COVERED), 1)
