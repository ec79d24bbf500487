"""Headless Chromium: what the page says, in English and Russian, and what it offers to copy and to record."""

import re
import tempfile
import urllib.request
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from browser import WithBrowser, get_state, open_browser, set_media, set_screen, speak, state, text
from program import WAIT_S, Program, until

BOARD = "workshop"
# Where the notes are, and the buttons that they must not cover; and the lines that a note takes.
NOTE = """
    const [note, ...buttons] = ['note', 'snapshot', 'record', 'options', 'fullscreen'].map(byId)
        .filter((element) => element.checkVisibility()).map((element) => element.getBoundingClientRect());
    const style = getComputedStyle(byId('note'));
    const line = parseFloat(style.fontSize) * 1.35;
    const padding = parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
    return [Math.round((note.height - padding) / line), buttons.every((button) => note.bottom <= button.top)];
"""


class Words(WithBrowser):
    # A machine without a mouse looks like a touch screen; where the checks emulate none, there is one.
    flags = ["--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"]

    @classmethod
    def make_program(cls):
        return Program("door=pattern", "barn=/dev/barn", size=(640, 480), fps=10, options=["--name", BOARD])

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        self.addCleanup(speak, self.browser, "en-US")

    def watch(self, camera="door", wanted="live"):
        self.browser.get("about:blank")
        self.open(f"/#{camera}")
        until(wanted, lambda: state(self.browser) == wanted)

    def press(self, *keys):
        self.browser.find_element("tag name", "body").send_keys(*keys)

    def text_of(self, selector):
        return self.run_js("return document.querySelector(arguments[0]).innerText", selector)

    # --- The board's name, and what is folded away.

    def test_title_and_heading_name_the_board_and_the_camera(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.assertEqual((self.browser.title, self.text_of("h1")), (BOARD, BOARD))
        self.watch()
        self.assertEqual(self.browser.title, f"door – {BOARD}")
        self.assertEqual(self.text_of("h1").split(), ["door", BOARD])

    def test_statistics_are_folded_away_until_one_wants_them(self):
        self.watch()
        until("its figures", lambda: "fps" in text(self.browser, "figures"))
        self.assertNotIn("fps", self.text_of("body"))
        self.press("o")
        statistics = self.browser.find_element("id", "statistics")
        self.assertNotIn("fps", statistics.text)
        statistics.find_element("tag name", "summary").send_keys(Keys.ENTER)
        until("they are shown", lambda: "fps" in statistics.text and "Delay on the board" in statistics.text)

    def test_escape_shows_the_whole_picture_before_it_leaves_the_camera(self):
        set_screen(self.browser, "desktop")
        self.open()
        until("all of them", lambda: self.run_js("return document.body.dataset.view") == "all")
        self.watch()
        self.press("+", "+", Keys.ESCAPE)
        self.assertEqual(self.run_js("return [zoom.times, document.body.dataset.view]"), [1, "one"])
        self.press(Keys.ESCAPE)
        until("all of them", lambda: self.run_js("return document.body.dataset.view") == "all")

    def test_keys_are_listed_where_there_is_a_keyboard_and_not_on_touch_screens(self):
        for screen, listed in [("phone", False), ("phone-landscape", False), ("desktop", True)]:
            with self.subTest(screen):
                set_screen(self.browser, screen)
                self.watch()
                self.press("o")
                self.assertEqual(self.browser.find_element("id", "keys").is_displayed(), listed)

    def test_a_note_takes_one_line_above_the_buttons(self):
        notes = ["saved", "rec_off", "rec_none", "copied"]
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            for screen in ["phone", "phone-landscape", "desktop"]:
                set_screen(self.browser, screen)
                self.watch()
                for name in notes:
                    with self.subTest(f"{lang}, {screen}, {name}"):
                        self.run_js("note(fill(TEXT[arguments[0]], { file: 'door-2026-11-22_14-03-05.jpg' }))", name)
                        self.assertEqual(self.run_js(NOTE), [1, True])

    def test_a_note_is_seen_in_front_of_the_options(self):
        self.watch()
        self.press("o")
        self.run_js("note('seen')")
        seen = "const box = byId('note').getBoundingClientRect(); byId('note').style.pointerEvents = 'auto';"
        seen += "return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).id"
        self.assertEqual(self.run_js(seen), "note")
        self.press(Keys.ESCAPE)
        until("they are closed", lambda: self.run_js("return byId('note').parentElement === document.body"))
        self.run_js("note('again')")
        self.assertEqual(self.run_js(seen), "note")

    # --- Addresses to copy.

    def check_copies(self, browser, wanted):
        """Presses each copy button, and compares what the browser is told to copy."""
        browser.execute_script("openSheet()")
        buttons = until("the addresses", lambda: browser.find_elements("css selector", "#links button"))
        browser.execute_script("""
            window.copied = [];
            addEventListener('copy', () => copied.push(String(getSelection())));
            if (navigator.clipboard) navigator.clipboard.writeText = async (text) => void copied.push(text);
        """)
        for button in buttons:
            button.click()
            until("it is said", lambda: text(browser, "note") == "Copied")
            browser.execute_script("note('')")
        self.assertEqual(browser.execute_script("return copied"), wanted)

    def test_stream_and_snapshot_addresses_are_copied(self):
        self.watch()
        wanted = [f"{self.url}/cameras/door/{path}" for path in ["stream", "snapshot"]]
        self.check_copies(self.browser, wanted)
        for url in wanted:
            with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
                self.assertEqual(answer.status, 200)

    def test_addresses_are_copied_under_a_plain_name_too(self):
        # There browsers give scripts no clipboard: it is not a secure context.
        program = Program(options=["--host", "board.test"])
        self.addCleanup(program.stop)
        browser = open_browser(self, "--host-resolver-rules=MAP board.test 127.0.0.1")
        url = f"http://board.test:{program.port}/"
        browser.get(url)
        until("live", lambda: state(browser) == "live")
        self.assertFalse(browser.execute_script("return isSecureContext"))
        self.check_copies(browser, [url + "stream", url + "snapshot"])

    # --- A camera that gives no picture.

    def test_the_tile_of_a_broken_camera_says_what_to_do(self):
        self.open()
        problem = until("a problem", lambda: get_state(self.program)["cameras"][1]["problem"])
        told = lambda: self.text_of(".tile:nth-child(2) .trouble")
        until("what is wrong", lambda: "/dev/barn" in told())
        advice = problem["advice"]
        self.assertIn(advice[1:], told())

    # --- Recording.

    def button(self, browser=None):
        element = (browser or self.browser).find_element("id", "record")
        return [element.get_attribute(name) for name in ["data-recording", "aria-disabled", "aria-label"]]

    def test_without_a_folder_the_button_says_before_the_click_that_nothing_is_recorded(self):
        self.watch()
        self.assertEqual(self.button(), ["none", "true", "Recording is not set up (see Options)"])
        self.browser.find_element("id", "record").click()
        until("it is said", lambda: "not set up" in text(self.browser, "note"))
        self.assertEqual(text(self.browser, "recorded"), "")

    def recorder(self, *cameras, options=()):
        """A program that may record, and its page."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = ["--record-folder", folder.name, *(options or ["--record-min-free", "1"])]
        program = Program(*cameras, size=(320, 240), fps=10, options=options)
        self.addCleanup(program.stop)
        self.browser.get(program.url + "/")
        return program, Path(folder.name)

    def test_a_full_disk_is_said_before_the_click_and_nothing_says_recording(self):
        program, _ = self.recorder(options=["--record-min-free", "900000000"])
        until("it is said", lambda: "must stay free" in text(self.browser, "recorded"))
        how, disabled, label = self.button()
        self.assertEqual((how, disabled), ("blocked", "true"))
        self.assertIn("Can’t record", label)
        self.browser.find_element("id", "record").click()
        until("it is said", lambda: "must stay free" in text(self.browser, "note"))
        self.assertFalse(get_state(program)["cameras"][0]["recording"]["on"])

    def test_the_page_says_recording_only_while_pictures_are_written(self):
        program, folder = self.recorder()
        until("off", lambda: self.button()[0] == "off")
        # Each state that is shown, until there are pictures.
        self.run_js("""
            window.said = [];
            const look = () => said.push(byId('recorded').textContent + (tiles[0].camera.recording.file ? '+' : ''));
            new MutationObserver(look).observe(byId('recorded'), { childList: true });
        """)
        self.browser.find_element("id", "record").click()
        until("it records", lambda: self.button()[0] == "on")
        said = self.run_js("return said")
        self.assertEqual(said[-1], "Recording+")
        self.assertNotIn("Recording", said)
        aside = folder.with_suffix(".aside")
        folder.rename(aside)
        try:
            until("it fails", lambda: self.button()[0] == "failing")
            self.assertTrue(text(self.browser, "recorded").startswith("Not recording: "))
        finally:
            aside.rename(folder)
        until("it records again", lambda: self.button()[0] == "on")

    def test_while_the_camera_gives_no_picture_nothing_says_recording(self):
        program, _ = self.recorder("/dev/barn")
        until("it waits", lambda: state(self.browser) == "waiting")
        self.assertEqual(self.button(), ["off", "false", "Record as soon as the camera gives a picture"])
        self.browser.find_element("id", "record").click()
        until("it is said", lambda: "no picture" in text(self.browser, "recorded"))
        self.assertEqual(self.button()[0], "failing")

    def test_a_camera_that_is_open_but_gives_nothing_new_is_neither_live_nor_recorded(self):
        _, _ = self.recorder()
        until("live", lambda: state(self.browser) == "live")
        how = """
            const [tile] = tiles;
            const { camera } = tile;
            tile.camera = { ...camera, recording: { ...camera.recording, on: true, file: 'file' }, ...arguments[0] };
            const shown = [tile.state(), recordingOf(tile).how];
            tile.camera = camera; // the page draws at any time
            return shown;
        """
        self.assertEqual(self.run_js(how, {"problem": None}), ["live", "on"])
        self.assertEqual(self.run_js(how, {"problem": {"texts": dict.fromkeys(("what", "why", "advice"), {"template": "none", "values": []})}}), ["waiting", "failing"])

    # --- Wording.

    def test_numbers_are_written_and_counted_as_the_language_does(self):
        count = "return [1, 2, 5, 21].map((n) => counted(TEXT.viewers, n))"
        figures = "return [time(3.7), time(1500), sizeText(79e9), sizeText(4.2e6), sizeText(999e3), sizeText(0)]"
        plain = lambda texts: [re.sub(r"\s", " ", text) for text in texts]
        self.watch()
        self.assertEqual(self.run_js(count), ["1 viewer", "2 viewers", "5 viewers", "21 viewers"])
        self.assertEqual(plain(self.run_js(figures)), ["3.7 ms", "1.5 s", "79 GB", "4.2 MB", "999 kB", "0 kB"])
        speak(self.browser, "ru")
        self.watch()
        self.assertEqual(self.run_js(count), ["1 зритель", "2 зрителя", "5 зрителей", "21 зритель"])
        self.assertEqual(plain(self.run_js(figures)), ["3,7 мс", "1,5 с", "79 ГБ", "4,2 МБ", "999 кБ", "0 кБ"])

    def test_the_header_counts_viewers(self):
        self.watch()
        until("one viewer", lambda: text(self.browser, "viewers") == "1 viewer")
        with urllib.request.urlopen(self.url + "/cameras/door/stream", timeout=WAIT_S):
            until("two viewers", lambda: text(self.browser, "viewers") == "2 viewers")

    def test_jpeg_quality_says_that_it_is_for_all_viewers(self):
        self.watch()
        self.press("o")
        hint = self.browser.find_element("id", self.browser.find_element("id", "quality").get_attribute("aria-describedby"))
        self.assertTrue(hint.is_displayed())
        self.assertIn("all viewers", hint.text)

    def test_what_is_open_without_a_password_is_said_as_it_is(self):
        self.watch()
        self.press("o")
        # On the loopback interface, and without a folder.
        self.assertEqual(
            text(self.browser, "open"),
            "No password is set: anyone who uses this computer can watch and change the picture.",
        )
