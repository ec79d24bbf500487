"""Headless Chromium: the page, and a bare <img>. Screenshots stay in target/clients."""

import json
import tempfile
import urllib.request
from pathlib import Path

import cv2
import numpy
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from program import HEIGHT, OUT, WIDTH, Program, WithProgram, check_jpeg, read_counter, until

SCREENS = {"phone": (390, 844), "phone-landscape": (844, 390), "desktop": (1440, 900)}
# Without these, Chromium calls home, and as root it does not start.
FLAGS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    *["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
]
# The upper quarter of the page's picture, its green channel row by row; null while there is no picture.
UPPER_QUARTER = """
    const image = document.querySelector('#view img');
    if (!image || image.naturalWidth !== arguments[0]) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight / 4];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data).filter((_, i) => i % 4 === 1);
"""


def open_browser(test, downloads=None):
    profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    test.addCleanup(profile.cleanup)
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if downloads:
        options.add_experimental_option("prefs", {"download.default_directory": downloads})
    for flag in [*FLAGS, f"--user-data-dir={profile.name}"]:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    test.addCleanup(browser.quit)
    return browser


def set_screen(browser, name):
    width, height = SCREENS[name]
    phone = name.startswith("phone")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def shown_number(browser):
    """The number of the frame that the page shows, or None."""
    green = browser.execute_script(UPPER_QUARTER, WIDTH)
    return green and read_counter(numpy.reshape(green, (HEIGHT // 4, WIDTH)))


def state(browser):
    return browser.execute_script("return document.body.dataset.state")


def text(browser, id):
    return browser.execute_script("return document.getElementById(arguments[0]).innerText", id)


def watched(program):
    """The names of the cameras that are streamed to somebody, one for each viewer."""
    with urllib.request.urlopen(program.url + "/state") as answer:
        return [viewer["camera"] for viewer in json.load(answer)["viewers"]]


def await_moving(browser, number, frames=5):
    """Waits until the shown number has moved on so many times."""
    seen = {until("a frame with a counter", lambda: number(browser))}
    until("moving frames", lambda: seen.add(number(browser)) or len(seen - {None}) > frames)


class Page(WithProgram):
    def test_the_page_shows_moving_pictures_on_phone_and_desktop(self):
        browser = open_browser(self)
        for name, size in SCREENS.items():
            with self.subTest(name):
                set_screen(browser, name)
                browser.get(self.url + "/")
                await_moving(browser, shown_number)
                until("it says live", lambda: state(browser) == "live")
                until("it says the size", lambda: f"{WIDTH}×{HEIGHT}" in text(browser, "figures"))
                browser.save_screenshot(str(OUT / f"page-{name}.png"))
                overflow = "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
                self.assertEqual(browser.execute_script(overflow), list(size), "the page does not fit the screen")
        complaints = [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
        self.assertEqual(complaints, [], "Chromium complains about the page")

    def test_the_page_comes_back_by_itself_after_a_power_cut(self):
        program = Program()
        self.addCleanup(lambda: program.kill())
        browser = open_browser(self)
        set_screen(browser, "phone")
        browser.get(program.url + "/")
        await_moving(browser, shown_number)
        program.kill()
        until("it says that it reconnects", lambda: state(browser) == "reconnecting")
        until("it says what to check", lambda: text(browser, "advice"))
        browser.save_screenshot(str(OUT / "page-away.png"))
        program = Program(port=program.port)
        until("it says live again", lambda: state(browser) == "live")
        await_moving(browser, shown_number)

    def test_the_page_says_in_words_that_there_is_no_camera(self):
        program = Program("/dev/no-such-camera")
        self.addCleanup(program.stop)
        browser = open_browser(self)
        set_screen(browser, "phone")
        browser.get(program.url + "/")
        until("it waits for the camera", lambda: state(browser) == "waiting")
        self.assertIn("/dev/no-such-camera", text(browser, "problem"))
        self.assertTrue(text(browser, "advice"))
        browser.save_screenshot(str(OUT / "page-waiting.png"))

    def test_the_page_leaves_while_nobody_looks_and_comes_back(self):
        browser = open_browser(self)
        browser.get(self.url + "/")
        await_moving(browser, shown_number)
        until("one viewer", lambda: watched(self.program) == ["camera"])
        page = browser.current_window_handle
        browser.switch_to.new_window("tab")
        until("no viewer", lambda: watched(self.program) == [])
        browser.switch_to.window(page)
        await_moving(browser, shown_number)
        self.assertEqual(watched(self.program), ["camera"])

    def test_the_page_shows_one_of_several_cameras_and_remembers_which(self):
        program = Program("front=pattern", "back=pattern")
        self.addCleanup(program.stop)
        browser = open_browser(self)
        set_screen(browser, "phone")
        browser.get(program.url + "/")
        await_moving(browser, shown_number)
        self.assertEqual(watched(program), ["front"])
        browser.find_element("xpath", "//button[text()='back']").click()
        until("only the other camera is streamed", lambda: watched(program) == ["back"])
        await_moving(browser, shown_number)
        browser.save_screenshot(str(OUT / "page-cameras.png"))
        browser.refresh()
        await_moving(browser, shown_number)
        until("still the other camera", lambda: watched(program) == ["back"])

    def test_the_page_saves_a_snapshot_under_the_cameras_name(self):
        with tempfile.TemporaryDirectory() as folder:
            browser = open_browser(self, downloads=folder)
            browser.get(self.url + "/")
            await_moving(browser, shown_number)
            browser.find_element("id", "snapshot").click()
            saved = until("a file", lambda: list(Path(folder).glob("camera-*.jpg")))
            check_jpeg(saved[0].read_bytes())

    def test_a_bare_img_in_another_page_shows_moving_pictures(self):
        def number(browser):
            # This page may not look into a picture from elsewhere, so look at the screen.
            png = numpy.frombuffer(browser.get_screenshot_as_png(), numpy.uint8)
            return read_counter(cv2.imdecode(png, cv2.IMREAD_COLOR)[:HEIGHT, :WIDTH])

        with tempfile.NamedTemporaryFile("w", suffix=".html") as page:
            page.write(f'<body style="margin:0"><img src="{self.url}/stream">')
            page.flush()
            browser = open_browser(self)
            set_screen(browser, "desktop")
            browser.get(f"file://{page.name}")
            await_moving(browser, number)
            browser.save_screenshot(str(OUT / "bare-img.png"))
