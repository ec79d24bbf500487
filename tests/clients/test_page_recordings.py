"""Headless Chromium: the page's view of recordings, by touch, mouse, keyboard and screen reader. Days of recordings, what moved,
and what goes wrong are simulated in the browser, in place of the server's answers (simulated_recordings.js); what was just
recorded is played by the program itself. Screenshots stay in target/clients/looks."""

import re
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy
from selenium.webdriver.common.keys import Keys

from browser import SCREENS, WithBrowser, set_media, set_screen, speak, state, text, watched
from program import CELLS, OUT, ROWS, UNIT, Program, read_counter, until
from test_recording import Recorder, decode, times

LOOKS = OUT / "looks"
SIMULATED = (Path(__file__).parent / "simulated_recordings.js").read_text()
DAY = "2026-11-20"
# The time in the recording that the picture on the stage shows, in seconds; null if it is none.
SHOWN = """
    const stage = document.getElementById('stage');
    const picture = stage.querySelector('img') || stage.querySelector('canvas');
    if ((picture.naturalWidth || picture.width) < 64) return null;
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0, 64, 36);
    let tenths = 0;
    for (let bit = 0; bit < 16; bit += 1) if (context.getImageData(bit * 4 + 1, 3, 1, 1).data[1] > 127) tenths |= 1 << bit;
    return tenths / 10;
"""
# What does not fit its place, and what is too small for a finger.
FLAWS = """
    const flaws = [];
    const seen = [...document.querySelectorAll('#recordings-view *')].filter((element) => element.checkVisibility({ visibilityProperty: true }));
    for (const element of seen) {
        const { left, right, top, bottom, height, width } = element.getBoundingClientRect();
        const name = `${element.localName} ${element.id || element.className} ${element.innerText}`;
        if (element.closest('#line')) continue;
        if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && !element.matches('#day, canvas')) flaws.push(`cut off: ${name}`);
        if (left < -1 || right > innerWidth + 1) flaws.push(`outside: ${name}`);
        if (element.matches('button, select, input, a, summary') && (height < 44 || width < 43)) flaws.push(`small: ${name} ${width}x${height}`);
        if (!element.closest('#found') && (top < -1 || bottom > innerHeight + 1)) flaws.push(`below the window: ${name}`);
    }
    const boxes = seen.filter((element) => element.matches('button, select, a, b, small')).map((element) => [element, element.getBoundingClientRect()]);
    for (const [a, one] of boxes)
        for (const [b, other] of boxes)
            if (a !== b && !a.contains(b) && !b.contains(a) && one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)
                flaws.push(`${a.id || a.innerText} overlaps ${b.id || b.innerText}`);
    return flaws;
"""
PAINTED = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"


class View(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        return Program(size=(320, 240), fps=10, options=["--record-folder", folder.name, "--record-min-free", "1"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        LOOKS.mkdir(exist_ok=True)
        cls.take_downloads()
        cls.browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        speak(self.browser, "en")
        source = {"source": f"(() => {{ {SIMULATED} }})();"}
        found = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        self.addCleanup(self.browser.execute_cdp_cmd, "Page.removeScriptToEvaluateOnNewDocument", found)

    def view(self, clock="", day=DAY, camera="camera"):
        """Opens the view by its URL."""
        self.browser.get("about:blank")
        self.open(f"/#/recordings/{camera}/{day}/{clock}")
        until("the list", lambda: self.run_js("return recordingsView && recordingsView.entries.length"))
        until("a picture", lambda: not clock or self.run_js(SHOWN) is not None or text(self.browser, "said"))

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def find(self, id):
        return self.browser.find_element("id", id)

    def rows(self):
        return self.run_js("return [...document.querySelectorAll('#list li')].map((row) => row.querySelector('.pick').innerText.split('\\n'))")

    def position(self):
        """The recording's start and the seconds in it."""
        return self.run_js("const { recording, position } = recordingsView.player; return [recording.name.slice(7, 26), recordingsView.player.position()]")

    def playing(self):
        return self.run_js("return recordingsView.player.isPlaying")

    def clock(self):
        return text(self.browser, "clock")

    def asked(self, method, *words):
        return [each["what"] for each in self.run_js("return asked") if each["method"] == method and all(word in each["what"] for word in words)]

    # --- The way there and back.

    def test_a_button_and_a_key_lead_to_it_and_back_leads_to_the_live_picture(self):
        for screen in SCREENS:
            with self.subTest(screen):
                set_screen(self.browser, screen)
                self.browser.get("about:blank")
                self.open()
                until("live", lambda: state(self.browser) == "live")
                self.assertEqual(self.find("recordings").get_attribute("aria-label"), "Recordings")
                self.find("recordings").click()
                until("the newest day", lambda: self.run_js("return location.hash").startswith(f"#/recordings/camera/{DAY}/16:00:00"))
                until("no stream", lambda: not watched(self.program))
                self.assertFalse(self.find("options").is_displayed())
                self.browser.back()
                until("live again", lambda: state(self.browser) == "live" and watched(self.program) == ["camera"])
                self.assertFalse(self.find("recordings-view").is_displayed())
                self.press("p")
                until("the view", lambda: self.find("recordings-view").is_displayed())
                self.press(Keys.ESCAPE)
                until("live again", lambda: state(self.browser) == "live" and not self.find("recordings-view").is_displayed())
                self.assertEqual(self.run_js("return location.hash"), "")

    def test_a_link_leads_to_camera_day_and_time(self):
        self.view("08:06:10")
        until("its picture", lambda: self.run_js(SHOWN) == 70)
        self.assertEqual(self.clock(), "Fri, Nov 20, 8:06:10 AM")
        self.view("09:00:00", "2026-11-19", "attic")
        self.assertEqual(self.rows()[0][:2], ["9:00:00 AM", "3:20 · 180 MB"])
        until("its name", lambda: self.run_js("return document.getElementById('recordings-camera').value") == "attic")

    def test_a_link_with_nonsense_leads_to_the_newest_recording(self):
        for rest in ["%", "camera/2026-99-99", "camera/x/y", "camera/2026-11-20/zz"]:
            self.browser.get("about:blank")
            self.open(f"/#/recordings/{rest}")
            until(f"a list for {rest}", lambda: self.run_js("return recordingsView && recordingsView.day"))

    # --- The list.

    def test_the_list_has_what_was_recorded_on_the_day(self):
        self.view()
        rows = self.rows()
        self.assertEqual(len(rows), 8)
        self.assertEqual(rows[0], ["4:00:00 PM", "Recording · 3.3 GB"])
        self.assertEqual(rows[-1], ["8:00:00 AM", "5:00 · 270 MB", "1 movement"])
        until("thumbnails", lambda: len(self.asked("IMG", "frame?at=0&size=160x120")) >= 3)
        buttons = self.run_js("return [...document.querySelectorAll('#list li:last-child :is(a, .pick ~ button)')].map((one) => one.ariaLabel)")
        time = "8:00:00 AM"
        self.assertEqual(
            [name.replace("\u202f", " ") for name in buttons],
            [f"Download the recording of {time} as MOV", f"Download the recording of {time} as MKV", f"Delete the recording of {time}"],
        )
        links = self.run_js("return [...document.querySelectorAll('#list li:last-child a')].map((link) => [link.getAttribute('href').replace('./', ''), link.download])")
        name = "camera_2026-11-20_08-00-00Z"
        self.assertEqual(links, [[f"api/recordings/{name}.mkv?format=mov", f"{name}.mov"], [f"api/recordings/{name}.mkv", f"{name}.mkv"]])
        self.assertFalse(self.run_js("return document.querySelector('#list .pick ~ button:disabled') === null"), "what is written can be deleted")

    def test_days_without_recordings_are_said_and_skipped(self):
        self.view()
        self.find("day-before").click()
        until("the day before", lambda: self.run_js("return recordingsView.day.text") == "2026-11-18")
        self.assertEqual(self.rows()[0][0], "9:00:00 AM")
        self.assertFalse(self.find("day-before").is_enabled())
        self.press(Keys.PAGE_DOWN)
        until("it is said", lambda: text(self.browser, "nothing") == "Nothing was recorded on this day.")
        self.assertFalse(self.find("play").is_enabled())

    def test_a_recording_is_deleted_after_a_question(self):
        self.view()
        button = "return document.querySelector('#list li:last-child .pick ~ button')"
        self.run_js(button).click()
        self.assertIn("8:00:00", self.browser.switch_to.alert.text)
        self.browser.switch_to.alert.dismiss()
        self.assertEqual(self.asked("DELETE"), [])
        self.run_js(button).click()
        self.browser.switch_to.alert.accept()
        until("it is gone", lambda: len(self.rows()) == 7)
        self.assertEqual(self.run_js("return document.activeElement.className"), "pick", "the focus is lost")
        self.assertEqual(self.asked("DELETE"), ["recordings/camera_2026-11-20_08-00-00Z.mkv"])

    # --- Playing.

    def test_it_plays_pauses_and_goes_on_into_the_next_recording(self):
        for screen in ["phone", "desktop"]:
            with self.subTest(screen):
                set_screen(self.browser, screen)
                self.view("12:00:00")
                self.find("play").click()
                until("it plays", lambda: (self.run_js(SHOWN) or 0) > 1)
                self.assertEqual(self.find("play").get_attribute("aria-label"), "Pause")
                self.find("play").click()
                name, at = self.position()
                until("the picture of where it stopped", lambda: abs(self.run_js(SHOWN) - at) < 0.15)
                self.assertEqual((name, self.playing()), ("2026-11-20_12-00-00", False))
                self.find("play").click()
                until("the next one", lambda: self.position()[0] == "2026-11-20_12-00-10" and self.position()[1] > 0.5)
                self.assertTrue(self.playing())

    def test_keys_do_all_of_it(self):
        set_screen(self.browser, "desktop")
        self.view("08:00:00")
        at = lambda: round(self.position()[1], 1)
        for key, wanted in [(".", 0.1), (".", 0.2), (",", 0.1), (Keys.ARROW_RIGHT, 5.1), (Keys.ARROW_LEFT, 0.1), (Keys.END, 300), (Keys.HOME, 0)]:
            self.press(key)
            until(f"{key!r} to lead to {wanted}", lambda: at() == wanted)
        self.press(Keys.ARROW_UP)
        until("the later one", lambda: self.position() == ["2026-11-20_08-05-00", 0])
        self.press(Keys.ARROW_LEFT)
        until("the end of the one before", lambda: self.position() == ["2026-11-20_08-00-00", 295])
        self.press("+", "+")
        self.assertEqual(self.run_js("return [recordingsView.player.speed, byId('speed').value]"), [4, "4"])
        self.press(" ")
        until("it plays", self.playing)
        until("faster", lambda: self.asked("IMG", "stream", "speed=4", "start=295.000"))
        until("over the end", lambda: self.position()[0] == "2026-11-20_08-05-00")
        self.press(" ")
        until("it pauses", lambda: not self.playing())
        self.press("n")
        until("the next movement", lambda: self.clock().endswith("8:06:00 AM"))
        self.press("b")
        until("the one before", lambda: self.clock().endswith("8:01:00 AM"))

    def test_backwards_over_a_gap_is_the_end_of_the_recording_before(self):
        self.view("12:00:10")
        self.press(Keys.ARROW_LEFT)
        until("the one before", lambda: self.position()[0] == "2026-11-20_12-00-00")
        self.press(Keys.ARROW_RIGHT)
        until("the one behind", lambda: self.position()[0] == "2026-11-20_12-00-10")

    def test_a_hidden_page_has_no_stream_and_goes_on_where_it_was(self):
        self.view("08:00:10")
        self.find("play").click()
        until("it plays", lambda: (self.run_js(SHOWN) or 0) > 10.5)
        hide = "Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
        self.run_js(hide, True)
        self.assertFalse(self.run_js("return Boolean(recordingsView.player.stream)"))
        self.run_js("recordingsView.player.wake()")
        self.assertFalse(self.run_js("return Boolean(recordingsView.player.stream)"), "a stream that nobody sees")
        at = self.position()[1]
        self.run_js(hide, False)
        until("it goes on", lambda: self.asked("IMG", "stream", f"start={at:.3f}"))

    # --- The timeline.

    def line(self):
        return self.run_js("const { left, top, width, height } = byId('line').getBoundingClientRect(); return [left, top + height - 10, width]")

    def place(self, clock):
        """Where a time is on the timeline."""
        left, y, width = self.line()
        day, from_, to = self.run_js("const { day, shown } = recordingsView.timeline; return [day.from, shown.from, shown.to]")
        hours, minutes, seconds = map(int, clock.split(":"))
        return left + (day + (hours * 3600 + minutes * 60 + seconds) * 1000 - from_) / (to - from_) * width, y

    def touch(self, kind, *points):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def test_a_finger_looks_for_a_place_one_picture_at_a_time(self):
        self.view("08:00:00")
        self.run_js("recordingsView.timeline.zoom(1 / 64, recordingsView.timeline.head); simulated.delayMs = 300; asked.length = 0; atOnce = 0")
        x, y = self.place("08:00:10")
        to, _ = self.place("08:04:00")
        self.touch("touchStart", (x, y))
        for i in range(1, 31):
            self.touch("touchMove", (x + (to - x) * i / 30, y))
        until("small pictures", lambda: len(self.asked("GET", "size=480x360")) > 1)
        self.touch("touchEnd")
        until("the whole picture of the last place", lambda: (found := self.asked("GET", "frame?at=")) and "size=" not in found[-1])
        until("it is shown", lambda: abs((self.run_js(SHOWN) or 0) - 240) < 2)
        self.assertEqual(self.run_js("return atOnce"), 1)
        self.assertLess(len(self.asked("GET", "frame")), 15)
        self.assertTrue(self.clock().startswith("Fri, Nov 20, 8:0"))
        self.assertIn("/08:0", self.run_js("return location.hash"))

    def test_a_tap_goes_there_and_in_a_gap_to_what_comes_next(self):
        self.view("08:00:00")
        self.touch("touchStart", self.place("12:00:30"))
        self.touch("touchEnd")
        until("it is there", lambda: self.position()[0] >= "2026-11-20_12-00-00")
        self.touch("touchStart", self.place("10:00:00"))
        self.touch("touchMove", self.place("10:30:00"))
        until("it is said", lambda: text(self.browser, "said").startswith("Nothing was recorded at 10:"))
        self.touch("touchEnd")
        until("what comes next", lambda: self.position() == ["2026-11-20_12-00-00", 0] and not text(self.browser, "said"))

    def test_two_fingers_the_wheel_and_buttons_zoom(self):
        self.view("08:00:00")
        span = lambda: self.run_js("const { shown } = recordingsView.timeline; return shown.to - shown.from")
        whole = span()
        left, y, width = self.line()
        self.touch("touchStart", (left + width * 0.4, y), (left + width * 0.6, y))
        self.touch("touchMove", (left + width * 0.2, y), (left + width * 0.8, y))
        self.touch("touchEnd")
        self.assertAlmostEqual(whole / span(), 3, delta=0.2)
        self.assertEqual(self.position(), ["2026-11-20_08-00-00", 0], "pinching has moved the player")
        now = span()
        self.find("closer").click()
        self.assertAlmostEqual(now / span(), 2, delta=0.01)
        for _ in range(9):
            if self.find("farther").is_enabled():
                self.find("farther").click()
        self.assertEqual(span(), 86400000)
        set_screen(self.browser, "desktop")
        event = {"type": "mouseWheel", "x": self.line()[0] + 300, "y": self.line()[1], "deltaX": 0, "deltaY": -300}
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)
        until("the wheel zooms", lambda: span() < 86400000)

    # --- Pictures and pieces.

    def test_the_picture_is_saved_in_full(self):
        self.view("08:00:07")
        self.find("save").click()
        [file] = until("a download", lambda: [*self.downloads.glob("*.jpg")])
        self.assertEqual(file.name, "camera-2026-11-20_08-00-07.jpg")
        self.assertIn(file.name, text(self.browser, "note"))
        self.assertNotIn("size=", self.asked("GET", "frame?at=7.000")[-1])

    def test_a_piece_is_marked_and_downloaded(self):
        self.view("08:00:10")
        link = lambda: self.find("cut-link").get_attribute("href")
        said = lambda: text(self.browser, "cut-said").replace("\u202f", " ")
        self.find("cutting").click()
        self.assertEqual(said(), "Go to where the piece starts and ends, and mark both.")
        self.find("cut-from").click()
        self.assertEqual((said(), link()), ("From 8:00:10 AM. Now mark the end.", None))
        self.press(Keys.ARROW_RIGHT)
        until("five seconds on", lambda: self.position()[1] == 15)
        self.find("cut-to").click()
        self.assertEqual(said(), "8:00:10 AM – 8:00:15 AM, 0:05")
        self.assertEqual(link(), f"{self.url}/api/recordings/camera_2026-11-20_08-00-00Z.mkv?format=mov&from=10.000&to=15.000")
        self.assertTrue(self.run_js("return Boolean(document.querySelector('.drawn .cut'))"))
        # One that would reach into another recording.
        self.press(Keys.ARROW_UP)
        until("the next recording", lambda: self.position()[0] == "2026-11-20_08-05-00")
        self.press("u")
        self.assertEqual((said(), link()), ("A piece is within one recording. Up to 8:05:00 AM. Now mark the start.", None))
        self.find("cut-close").click()
        self.assertFalse(self.find("cut").is_displayed())

    # --- What goes wrong.

    def test_what_goes_wrong_is_said(self):
        self.view("08:00:00")
        said = lambda: text(self.browser, "said")
        pick = "recordingsView.choose(recordingsView.entries.find(({ name }) => name.includes(arguments[0])))"
        self.run_js(pick, "13-00-00")
        until("the server's reason", lambda: said().startswith("There is no such recording"))
        self.press(" ")
        until("it does not play", lambda: not self.playing() and said())
        self.run_js(pick, "15-00-00")
        until("it is gone", lambda: said().startswith("This recording is gone"))
        self.run_js(pick, "14-00-00")
        until("it hangs", lambda: said().startswith("No answer for 10 s"))
        self.run_js(pick, "08-00-00")
        until("all is well", lambda: not said() and self.run_js(SHOWN) == 0)

    def test_a_recording_that_goes_while_it_is_shown_is_said(self):
        self.view("08:00:00")
        self.press("c")
        self.assertTrue(self.find("cut").is_displayed())
        self.run_js("simulated.recordings = simulated.recordings.filter(({ name }) => !name.includes('08-00-00')); recordingsView.refresh()")
        until("it is said", lambda: text(self.browser, "said").startswith("This recording is gone"))
        self.assertFalse(self.find("cut").is_displayed(), "nothing can be cut out of it")
        self.assertEqual(len(self.rows()), 7)

    def test_what_is_wrong_with_the_disk_is_said_above_the_list(self):
        self.view()
        texts = {"what": "cannot record", "why": "the disk is gone", "advice": "plug it in"}
        texts = {part: {"template": text, "values": []} for part, text in texts.items()}
        self.run_js("recordingsView.disk.problem = { texts: arguments[0] }; recordingsView.showAll()", texts)
        self.assertEqual(text(self.browser, "disk-problem"), "Cannot record: the disk is gone. Plug it in.")
        self.assertLess(self.find("disk-problem").rect["y"], self.find("list").rect["y"])

    def test_without_any_recording_it_is_said_how_to_record(self):
        self.browser.get("about:blank")
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.run_js("simulated.recordings = []")
        self.press("p")
        until("it is said", lambda: "The round button" in text(self.browser, "nothing"))

    def test_without_events_there_are_none_and_nothing_is_missed(self):
        self.browser.get("about:blank")
        self.open()
        self.run_js("simulated.noEvents = true")
        until("live", lambda: state(self.browser) == "live")
        self.press("p")
        until("the list", lambda: self.run_js("return recordingsView && recordingsView.hasNoEvents"))
        self.assertFalse(self.find("events").is_displayed())
        self.assertEqual(self.browser.find_elements("css selector", ".drawn .event"), [])

    # --- For everybody.

    def test_everything_has_a_name_for_screen_readers(self):
        self.view("08:00:10")
        self.find("cutting").click()
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        value = lambda node, key: node.get(key, {}).get("value", "")
        controls = [node for node in nodes if value(node, "role") in ["button", "slider", "combobox", "link", "Date", "image", "group", "list"]]
        self.assertGreater(len(controls), 20)
        self.assertEqual([value(node, "role") for node in controls if not node.get("ignored") and not value(node, "name")], [])
        slider = self.find("line")
        self.assertEqual(slider.get_attribute("aria-label"), "Time of day")
        self.assertEqual(slider.get_attribute("aria-valuetext").replace("\u202f", " "), "8:00:10 AM")
        self.assertEqual(slider.get_attribute("aria-valuenow"), str(8 * 3600 + 10))

    def test_it_is_in_russian(self):
        speak(self.browser, "ru-RU")
        self.view("08:00:10")
        self.find("cutting").click()
        words = self.run_js("return byId('recordings-view').innerText + [...document.querySelectorAll('#recordings-view [title]')].map((one) => one.title).join()")
        self.assertIn("Записи", words)
        self.assertIn("1 движение", words)
        self.assertEqual(self.clock(), "пт, 20 нояб., 8:00:10")
        latin = re.findall("[A-Za-z]{2,}", words)
        self.assertEqual(set(latin) - {"MOV", "MKV", "camera", "attic", "Home", "End", "Esc", "Space", "Shift"}, set())

    def test_nothing_is_cut_off_or_too_small_in_any_size_and_language(self):
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            set_screen(self.browser, "phone")
            self.view("08:00:10")
            until("thumbnails", lambda: self.run_js("return document.querySelectorAll('.pictured').length") >= 3)
            for open_ in ["recordings", "recordings-cut"]:
                if open_ == "recordings-cut":
                    self.find("cutting").click()
                    self.press("i", Keys.ARROW_RIGHT, "u")
                for screen in SCREENS:
                    set_screen(self.browser, screen)
                    for scheme in ["light", "dark"]:
                        with self.subTest(f"{lang}, {open_}, {screen}, {scheme}"):
                            set_media(self.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
                            self.browser.execute_async_script(PAINTED)
                            self.browser.save_screenshot(str(LOOKS / f"{lang}-{open_}-{screen}-{scheme}.png"))
                            self.assertEqual(self.run_js(FLAWS), [])


class Played(WithBrowser):
    """What the program has recorded: the test pattern, whose pictures have a number."""

    @classmethod
    def make_program(cls):
        cls.recorder = Recorder(SimpleNamespace(addCleanup=cls.addClassCleanup), cameras=["pattern"], size=(640, 480))
        return cls.recorder.program

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for frames in [90, 60]:
            cls.recorder.record_one(frames)
        cls.take_downloads()

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.press("p")
        until("both lengths", lambda: len(self.run_js("return recordingsView ? recordingsView.entries.filter((entry) => entry.duration) : []")) >= 2)

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def pick(self, which):
        """Shows a recording from its beginning: 0 is the first one. The number of its first picture."""
        self.run_js("recordingsView.choose(recordingsView.entries[arguments[0]])", which)
        return until("its picture", self.number)

    def number(self):
        """The number of the picture that is shown, if it is the one that was asked for last."""
        script = """
            if (recordingsView.player.isAsking) return null;
            const stage = document.getElementById('stage');
            const picture = stage.querySelector('img') || stage.querySelector('canvas');
            const canvas = Object.assign(document.createElement('canvas'), { width: arguments[0], height: arguments[1] });
            if ((picture.naturalWidth || picture.width) < canvas.width) return null;
            canvas.getContext('2d').drawImage(picture, 0, 0, 640, 480);
            return Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).filter((_, i) => i % 4 === 1);
        """
        size = CELLS * UNIT, ROWS * UNIT
        green = self.run_js(script, *size)
        return green and read_counter(numpy.reshape(green, size[::-1]))

    def file(self, which):
        return self.recorder.folder / self.run_js("return recordingsView.entries[arguments[0]].name", which)

    def number_at(self, which, at):
        """The number of the picture that a recording shows at this time. A busy machine leaves numbers out."""
        film = cv2.VideoCapture(str(self.file(which)))
        for _ in [time for time in times(self.file(which)) if time <= at]:
            self.assertTrue(film.grab())
        return read_counter(film.retrieve()[1])

    def second_number(self, which):
        return self.number_at(which, times(self.file(which))[1])

    def position(self):
        return self.run_js("return recordingsView.player.position()")

    def test_it_is_played_frame_by_frame_and_into_the_next_recording(self):
        first, following = self.pick(0), self.second_number(0)
        self.press(".")
        until("the next picture", lambda: self.number() == following)
        self.press(",")
        until("the first again", lambda: self.number() == first)
        second = self.pick(1)
        self.pick(0)
        self.press(" ")
        seen = set()
        until("many pictures", lambda: seen.add(self.number()) or len(seen - {None}) > 5)
        until("the next recording", lambda: (now := self.number()) and now > second + 5)
        self.press(" ")
        until("it pauses", lambda: not self.run_js("return recordingsView.player.isPlaying"))
        at = self.position()
        now = until("a picture", self.number)
        self.assertAlmostEqual((now - second) / 30, at, delta=0.2)
        until("no stream", lambda: watched(self.program) == [])

    def test_it_plays_as_fast_as_is_chosen(self):
        first = self.pick(0)
        self.press("-", "-", " ")
        until("it moves", lambda: self.run_js("return (recordingsView.player.stream || {}).since > 0"))
        began = time.monotonic()
        until("half a second of it", lambda: self.position() > 0.5)
        self.assertGreater(time.monotonic() - began, 1.5, "at a quarter of its speed, half a second takes two")
        until("its picture", lambda: abs(((self.number() or 0) - first) / 30 - self.position()) < 0.1)

    def test_a_finger_on_the_timeline_shows_pictures_of_the_place(self):
        self.pick(0)
        length = self.run_js("return recordingsView.entries[0].duration")
        self.run_js("recordingsView.seek(recordingsView.entries[0].from + arguments[0] * 1000, true)", length / 2)
        until("a picture of the middle", lambda: self.number() == self.number_at(0, length / 2))
        self.run_js("recordingsView.seek(recordingsView.entries[0].from + arguments[0] * 1000, false)", length / 2)
        until("it is at rest there", lambda: abs(self.position() - length / 2) < 0.01)

    def test_a_picture_is_saved(self):
        self.pick(0)
        following = self.second_number(0)
        self.press(".")
        until("the next picture", lambda: self.number() == following)
        self.press("s")
        [file] = until("a download", lambda: [*self.downloads.glob("*.jpg")])
        self.assertEqual(read_counter(cv2.imread(str(file))), following)

    def test_a_piece_is_cut_out(self):
        self.pick(0)
        self.run_js("recordingsView.player.seek(recordingsView.entries[0], 0.5)")
        self.press("i")
        self.run_js("recordingsView.player.seek(recordingsView.entries[0], 1.5)")
        self.press("u")
        self.browser.find_element("id", "cut-link").click()
        [file] = until("a download", lambda: [*self.downloads.glob("camera_*Z.mov")])
        until("all of it", lambda: decode(file) > 0)
        self.assertAlmostEqual(decode(file), sum(0.5 <= at <= 1.5 for at in times(self.file(0))), delta=3)

    def test_garbage_is_said_to_be(self):
        garbage = self.recorder.folder / "camera_2026-01-02_03-04-05Z.mkv"
        garbage.write_bytes(bytes(5000))
        self.addCleanup(garbage.unlink)
        self.browser.get("about:blank")
        self.open("/#/recordings/camera/2026-01-02")
        until("the view", lambda: self.run_js("return recordingsView !== null"))
        until("it is said", lambda: "not a recording" in text(self.browser, "said"))

    def test_a_recording_that_is_deleted_while_it_plays_is_said_to_be_gone(self):
        self.recorder.record_one(30)
        until("it is listed", lambda: self.run_js("return recordingsView.entries.length") == 3)
        self.pick(2)
        name = self.run_js("return recordingsView.player.recording.url")
        self.run_js("fetch(arguments[0], { method: 'DELETE', headers: OURS })", name)
        self.run_js("recordingsView.player.seek(recordingsView.player.recording, 0.3)")
        until("it is said", lambda: "gone" in text(self.browser, "said"))
