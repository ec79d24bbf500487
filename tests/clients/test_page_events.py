"""Headless Chromium: what moves before a camera that is recorded on motion, in the view of recordings: with its picture, in
the list and on the timeline, from where it is played. Nothing is simulated but the camera. Screenshots stay in
target/clients/looks."""

import json
import tempfile
import urllib.request

from selenium.webdriver.common.keys import Keys

from browser import SCREENS, WithBrowser, get_state, set_media, set_screen, speak, state, text
from program import OUT, WAIT_S, Program, until
from room import Room
from test_page_recordings import FLAWS, PAINTED

LOOKS = OUT / "looks"
# The share of a picture that is white: the person, whom nothing in the room is like. Null while there is no picture.
WHITE = """
    const picture = document.querySelector(arguments[0]);
    if (!picture || (picture.naturalWidth || picture.width) < 64) return null;
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0, 64, 48);
    const { data } = context.getImageData(0, 0, 64, 48);
    let white = 0;
    for (let i = 0; i < data.length; i += 4) white += Math.min(data[i], data[i + 1], data[i + 2]) > 235;
    return white / (64 * 48);
"""
# Texts that stand out too little from what is behind them (WCAG 2: 4.5 to 1); on the stage, that may be a white picture.
FAINT = """
    const parts = (color) => (([r, g, b, a = 1]) => ({ rgb: [r, g, b], a }))(color.match(/[\\d.]+/g).map(Number));
    const over = ({ rgb, a }, below) => rgb.map((value, i) => value * a + below[i] * (1 - a));
    const behind = (element) => {
        if (!element || element.id === 'stage') return [255, 255, 255];
        const color = parts(getComputedStyle(element).backgroundColor);
        return color.a === 1 ? color.rgb : over(color, behind(element.parentElement));
    };
    const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const seen = [...document.querySelectorAll('#recordings-view *')].filter((element) => element.checkVisibility({ visibilityProperty: true }) && hasText(element));
    return seen.filter((element) => !element.closest(':disabled')).flatMap((element) => {
        const back = behind(element);
        const [a, b] = [light(over(parts(getComputedStyle(element).color), back)), light(back)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        return ratio < 4.5 ? [`${element.id || element.className}: ${element.textContent} ${ratio.toFixed(1)}`] : [];
    });
"""
PERSON = 0.01
"""Somebody who has come in, at least in part."""
STARTED = "const { stream, recording } = recordingsView.player; return stream && [recording.name, stream.from]"


class OnMotion(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.room = Room(cls)
        recorded = ["--record-folder", folder.name, "--record-min-free", "1", "--record", "motion"]
        return Program(
            f"hall={cls.room.camera}", options=[*recorded, "--record-before", "2", "--record-after", "3600", "--motion-fps", "10"]
        )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        LOOKS.mkdir(exist_ok=True)
        cls.browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
        until("it is armed", lambda: cls.camera()["recording"]["armed"])

    @classmethod
    def ask(cls, path, data=None, method=None):
        body = None if data is None else json.dumps(data).encode()
        asked = urllib.request.Request(cls.url + path, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
            return json.load(answer)

    @classmethod
    def camera(cls):
        return get_state(cls.program)["cameras"][0]

    @classmethod
    def await_frames(cls, count):
        before = cls.camera()["frames"]["captured"]
        until(f"{count} pictures", lambda: cls.camera()["frames"]["captured"] > before + count)

    @classmethod
    def events(cls):
        return cls.ask("/api/events")["events"]

    @classmethod
    def switch(cls, on):
        cls.ask("/api/recording", {"on": on})

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)


class Armed(OnMotion):
    def test_armed_switched_off_and_without_motion_look_different_and_say_what_to_do(self):
        speak(self.browser, "en")
        self.open()
        until("live", lambda: state(self.browser) == "live")
        seen = {}

        def await_said(name, start):
            until(name, lambda: text(self.browser, "recorded").startswith(start))
            style = "const { color } = getComputedStyle(byId('recorded')); const { stroke } = getComputedStyle(document.querySelector('#record circle')); return `${color} ${stroke} ${byId('record').dataset.recording}`"
            seen[name] = self.run_js(style)
            self.browser.save_screenshot(str(LOOKS / f"events-{name}.png"))

        await_said("armed", "Records when something moves")
        self.switch(False)
        await_said("switched-off", "Recording on motion is off. The record button turns it on again")
        self.assertEqual(self.run_js("return byId('record').title"), "Record again when something moves")
        self.press("r")
        await_said("armed-again", "Records when something moves")
        self.ask("/api/motion", {"sensitivity": "off"}, "PUT")
        await_said("no-motion", "Not recording: motion is off. Turn it on under Options")
        self.assertEqual(seen.pop("armed-again"), seen["armed"])
        self.assertEqual(len(set(seen.values())), 3, seen)


class Events(OnMotion):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Until the empty room is known well enough that somebody in it is noticed.
        cls.await_frames(60)
        # Somebody comes twice, within one recording.
        for count in [1, 2]:
            cls.room.does("walks")
            until("an event in a recording", lambda: len(found := cls.events()) == count and found[0]["recording"])
            cls.await_frames(60)
            cls.room.does("empty")
            until("its end", lambda: cls.events()[0]["end"])
        cls.switch(False)
        until("the file to be closed", lambda: cls.camera()["recording"]["file"] is None)
        cls.found = cls.events()[::-1]

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        speak(self.browser, "en")
        self.view()

    def view(self):
        self.browser.get("about:blank")
        self.open("/#/recordings")
        until("both events", lambda: self.run_js("return recordingsView && recordingsView.events.length") == 2)
        until("a picture", lambda: self.white("#stage canvas") is not None)

    def white(self, selector):
        return self.run_js(WHITE, selector)

    def plays_from(self, event):
        """Waits until the recording is played from where this event began, with the person in it."""
        until("it plays from there", lambda: self.run_js(STARTED) == [event["recording"], event["at_s"]])
        until("the person", lambda: (self.white("#stage img") or 0) > PERSON)

    def mark(self, event):
        """Where the event is on the timeline, shown so that both are apart."""
        self.run_js("recordingsView.timeline.move(recordingsView.events[0].from - 10000, 60000)")
        place = "const { left, top, width, height } = document.querySelectorAll('.drawn .event')[arguments[0]].getBoundingClientRect(); return [left + width / 2, top + height / 2]"
        return self.run_js(place, event)

    def mouse(self, kind, x, y, **more):
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def test_what_moved_is_listed_with_its_picture_and_a_tap_plays_it_from_there(self):
        self.assertEqual(self.run_js("return document.querySelectorAll('.pick').length"), 1)
        self.assertEqual(self.run_js("return document.querySelector('.pick').innerText.split('\\n').pop()"), "2 movements")
        for picture in [".pick img", ".moments li:first-child img", ".moments li:last-child img"]:
            until(f"somebody in {picture}", lambda: (self.white(picture) or 0) > PERSON)
        self.assertLess(self.white("#stage canvas"), PERSON, "the recording begins before somebody comes")
        for number, event in enumerate(self.found):
            self.browser.find_elements("css selector", ".moment")[number].click()
            self.plays_from(event)
            self.press(" ")

    def test_it_is_on_the_timeline_with_its_picture_and_a_click_plays_it_from_there(self):
        set_screen(self.browser, "desktop")
        for number, event in enumerate(self.found):
            x, y = self.mark(number)
            self.mouse("mouseMoved", x, y)
            until("its picture", lambda: (self.white("#peek img") or 0) > PERSON)
            self.browser.save_screenshot(str(LOOKS / f"events-peek-{number}.png"))
            for kind in ["mousePressed", "mouseReleased"]:
                self.mouse(kind, x, y, button="left", clickCount=1)
            self.plays_from(event)
            self.press(" ")
            self.mouse("mouseMoved", 10, 10)
            until("no picture on the timeline", lambda: not self.browser.find_element("id", "peek").is_displayed())

    def test_a_finger_plays_it_from_the_timeline(self):
        x, y = self.mark(1)
        for kind, points in [("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])]:
            self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.plays_from(self.found[1])

    def test_keys_lead_to_it(self):
        set_screen(self.browser, "desktop")
        position = "return recordingsView.player.at"
        for key, event in [("n", self.found[0]), ("n", self.found[1]), ("b", self.found[0])]:
            self.press(key)
            until(f"{key!r} to lead there", lambda: abs(self.run_js(position) - event["at_s"]) < 0.001)
        self.press(Keys.TAB)
        for _ in range(40):
            if self.run_js("return document.activeElement.className") == "moment":
                break
            self.press(Keys.TAB)
        self.press(Keys.ENTER)
        self.plays_from(self.found[0])

    def test_a_screen_reader_is_told_what_each_is(self):
        names = [name.replace("\u202f", " ") for role, name in self.heard() if role == "button" and name.startswith("Play what moved at ")]
        self.assertEqual(len(set(names)), 2, names)

    def test_nothing_is_cut_off_too_small_or_too_faint(self):
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            self.view()
            for screen in SCREENS:
                set_screen(self.browser, screen)
                for scheme in ["light", "dark"]:
                    with self.subTest(f"{lang}, {screen}, {scheme}"):
                        set_media(self.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
                        self.browser.execute_async_script(PAINTED)
                        self.browser.save_screenshot(str(LOOKS / f"events-{lang}-{screen}-{scheme}.png"))
                        self.assertEqual(self.run_js(FLAWS), [])
                        self.assertEqual(self.run_js(FAINT), [])
