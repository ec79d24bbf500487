"""Headless Chromium: pictures that are turned and mirrored by the page, by the API, and by the settings."""

import base64
import json
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy

from browser import WithBrowser, get_state, set_screen, speak, state, text
from program import OUT, WAIT_S, Program, read_counter, until

WIDTH, HEIGHT = 640, 352  # whole blocks of 16x16, so that nothing is left out
PICTURE = """
    const picture = document.querySelector('.chosen img');
    if (!picture || !picture.naturalWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
    return [canvas.width, canvas.height, btoa(text)];
"""
# The width and height of the picture on the screen, without the bars beside it.
ON_SCREEN = """
    const image = document.querySelector('.chosen img');
    const box = image.getBoundingClientRect();
    const fit = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    return [image.naturalWidth * fit, image.naturalHeight * fit].map(Math.round);
"""
TURNS = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
FLIPS = {"none": None, "horizontal": 1, "vertical": 0, "both": -1}


def turned(picture, rotate, flip):
    """What should be seen."""
    if TURNS[rotate] is not None:
        picture = cv2.rotate(picture, TURNS[rotate])
    return picture if FLIPS[flip] is None else cv2.flip(picture, FLIPS[flip])


def asymmetric():
    """Coloured areas and a wedge, no two corners alike."""
    picture = numpy.full((HEIGHT, WIDTH, 3), (200, 120, 60), numpy.uint8)
    cv2.rectangle(picture, (0, 0), (WIDTH // 2, HEIGHT // 3), (30, 30, 220), -1)
    cv2.rectangle(picture, (WIDTH // 2, 0), (WIDTH, HEIGHT // 2), (40, 200, 40), -1)
    triangle = numpy.array([(0, HEIGHT), (WIDTH // 3, HEIGHT), (0, HEIGHT // 2)])
    cv2.fillPoly(picture, [triangle], (230, 230, 230))
    return picture


def put(url, **wanted):
    request = urllib.request.Request(f"{url}/api/orientation", json.dumps(wanted).encode(), method="PUT")
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.load(answer)


class Turned(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        return cls.start(folder.name)

    @staticmethod
    def start(folder):
        # Rows of 4:2:2, which become columns: 4:4:0 in the JPEG.
        return Program("pattern", size=(WIDTH, HEIGHT), fps=10, options=["--format", "yuyv"], state=folder)

    def tearDown(self):
        request = urllib.request.Request(f"{self.url}/api/orientation", method="DELETE")
        urllib.request.urlopen(request, timeout=WAIT_S).close()
        super().tearDown()

    def picture(self):
        """What the page shows, as rows of pixels."""
        found = self.run_js(PICTURE)
        if not found:
            return None
        width, height, pixels = found
        rgb = numpy.frombuffer(base64.b64decode(pixels), numpy.uint8).reshape(height, width, 3)
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)

    def is_seen(self, rotate, flip):
        """Whether the counter of the test pattern is where it should be: turned back, it can be read."""
        picture = self.picture()
        if picture is None:
            return False
        back = turned(turned(picture, 0, flip), -rotate % 360, "none")
        return back.shape[:2] == (HEIGHT, WIDTH) and read_counter(back) is not None

    def open_options(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.browser.find_element("id", "options").click()
        until("the buttons", self.browser.find_element("id", "turn-right").is_displayed)

    def press(self, id):
        self.browser.find_element("id", id).click()

    def until_seen(self, rotate, flip):
        until(f"turned by {rotate}, flipped {flip}", lambda: self.is_seen(rotate, flip))
        [camera] = get_state(self.program)["cameras"]
        self.assertEqual((camera["rotate"], camera["flip"]), (rotate, flip))

    def test_buttons_turn_and_mirror_what_is_seen_without_a_reload(self):
        set_screen(self.browser, "desktop")
        self.open_options()
        self.run_js("window.sameAsBefore = true")
        steps = [
            ("turn-right", 90, "none"),
            ("turn-right", 180, "none"),
            ("turn-left", 90, "none"),
            ("mirror", 90, "horizontal"),
            ("turn-right", 0, "horizontal"),
            ("flip", 0, "both"),
            ("turn-left", 270, "both"),
        ]
        for button, rotate, flip in steps:
            self.press(button)
            self.until_seen(rotate, flip)
        self.assertEqual(self.browser.find_element("id", "mirror").get_attribute("aria-pressed"), "true")
        # The picture on the screen is upright, and the page knows its size for zooming.
        width, height = self.run_js(ON_SCREEN)
        self.assertLess(width, height)
        until("its new size", lambda: self.run_js("return chosen().camera.picture.width") == HEIGHT)
        self.browser.save_screenshot(str(OUT / "turned-desktop.png"))
        self.assertEqual(
            text(self.browser, "turned-how"),
            "Turned by 270° clockwise, left and right, top and bottom swapped. This overrules the settings (rotate, flip).",
        )
        self.press("unturn")
        self.until_seen(0, "none")
        until("the reset is said", lambda: text(self.browser, "turned-how") == "As the camera gives it.")
        self.assertFalse(self.browser.find_element("id", "unturn").is_displayed())
        self.assertTrue(self.run_js("return window.sameAsBefore"), "the page was loaded again")

    def test_quick_presses_add_up_and_keys_do_as_well(self):
        self.open_options()
        button = self.browser.find_element("id", "turn-right")
        for _ in range(3):
            button.send_keys(" ")
        self.until_seen(270, "none")
        self.browser.save_screenshot(str(OUT / "turned-phone.png"))

    def test_a_smaller_picture_is_turned_too(self):
        self.open_options()
        self.browser.find_element("css selector", "#choices [value=smallest]").click()

        def size():
            return self.run_js("const i = document.querySelector('.chosen img'); return i && [i.naturalWidth, i.naturalHeight]")

        until("the smaller one", lambda: size() == [480, 264])
        self.press("turn-left")
        until("an upright one that fits into 480x360", lambda: size() and size()[0] < size()[1] <= 360)

    def test_a_russian_page_says_it_in_russian(self):
        speak(self.browser, "ru-RU,ru")
        self.addCleanup(speak, self.browser, "en-US,en")
        put(self.url, rotate=90, flip="v")
        self.open_options()
        said = "Повёрнута на 90° по часовой стрелке, верх и низ поменяны местами. Это важнее настроек (rotate, flip)."
        until("Russian", lambda: text(self.browser, "turned-how") == said)

    def test_what_the_page_set_holds_after_a_restart(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        first = self.start(folder.name)
        try:
            put(first.url, rotate=270, flip="h")
        finally:
            first.stop()
        again = self.start(folder.name)
        self.addCleanup(again.stop)
        self.assertIn("rotate and flip as set by page or API, not as in the settings", again.log)
        self.browser.get(again.url)
        until("turned as before", lambda: self.is_seen(270, "horizontal"))

    def test_a_cameras_own_jpegs_are_turned_without_a_loss(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        jpeg = Path(folder.name, "picture.jpg")
        for name, sampling in [("4:2:2", 0x211111), ("4:2:0", 0x221111)]:
            cv2.imwrite(str(jpeg), asymmetric(), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])
            camera = Program(f"pipe:while cat {jpeg}; do sleep 0.1; done", options=["--rotate", "90"], state=Path(folder.name))
            self.addCleanup(camera.stop)
            self.browser.get(camera.url)
            original = cv2.imread(str(jpeg))
            for rotate, flip in [(90, "none"), (270, "vertical"), (180, "none"), (0, "horizontal")]:
                with self.subTest(name, rotate=rotate, flip=flip):
                    put(camera.url, rotate=rotate, flip=flip)
                    expected = turned(original, rotate, flip)

                    def seen():
                        picture = self.picture()
                        if picture is None or picture.shape != expected.shape:
                            return False
                        return numpy.abs(picture.astype(int) - expected).mean() < 2

                    until("the same pixels, turned", seen)

    def test_wrong_turns_are_refused_in_words(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            put(self.url, rotate=45)
        self.assertEqual(refused.exception.code, 400)
        self.assertIn("cannot be turned by 45: expected 0, 90, 180 or 270 degrees", refused.exception.read().decode())
