"""Headless Chromium and what every check needs to know of the page."""

import base64
import json
import tempfile
import urllib.request
from pathlib import Path

import cv2
import numpy
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from program import CELLS, ROWS, UNIT, WAIT_S, WithProgram, read_counter, until

SCREENS = {"phone": (390, 844), "phone-landscape": (844, 390), "desktop": (1440, 900)}
# Without these, Chromium calls home, and as root it does not start.
FLAGS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
    *["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
]
# The test pattern's counter in what a camera's tile shows, live or still: its green channel row by row; null
# while there is none.
COUNTER = """
    const [camera, width, height] = arguments;
    const tiles = [...document.querySelectorAll('.tile')];
    const tile = tiles.find((tile) => !camera || tile.querySelector('.name').textContent === camera);
    const picture = tile && (tile.querySelector('img') || tile.querySelector('canvas'));
    if (!picture || (picture.naturalWidth || picture.width) < width) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    return Array.from(context.getImageData(0, 0, width, height).data).filter((_, i) => i % 4 === 1);
"""


def open_browser(test, *flags):
    """A browser with nothing remembered; `test` is a test or a class of tests, at whose end it is closed."""
    cleanup = test.addClassCleanup if isinstance(test, type) else test.addCleanup
    profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    cleanup(profile.cleanup)
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in [*FLAGS, *flags, f"--user-data-dir={profile.name}"]:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    cleanup(browser.quit)
    browser.set_page_load_timeout(WAIT_S)
    browser.set_script_timeout(WAIT_S)
    return browser


def set_screen(browser, name):
    width, height = SCREENS[name]
    phone = name.startswith("phone")
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone, "maxTouchPoints": 2})


def speak(browser, languages):
    """Sets the languages that the browser asks for, as `ru-RU,ru`."""
    agent = browser.execute_script("return navigator.userAgent")
    override = {"userAgent": agent, "acceptLanguage": languages}
    browser.execute_cdp_cmd("Emulation.setUserAgentOverride", override)


def set_media(browser, **features):
    """What the device is set to, as `prefers_color_scheme="dark"`."""
    features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def shown_number(browser, camera=None):
    """The number of the frame that the page shows of a camera, by default of the first; None if there is none."""
    size = CELLS * UNIT, ROWS * UNIT
    green = browser.execute_script(COUNTER, camera, *size)
    return green and read_counter(numpy.reshape(green, size[::-1]))


def state(browser):
    return browser.execute_script("return document.body.dataset.state")


def text(browser, id):
    return browser.execute_script("return document.getElementById(arguments[0]).innerText", id)


def get_state(program):
    with urllib.request.urlopen(program.url + "/state", timeout=WAIT_S) as answer:
        return json.load(answer)


def watched(program):
    """The names of the cameras that are streamed to somebody, one for each viewer."""
    return sorted(viewer["camera"] for viewer in get_state(program)["viewers"])


def await_moving(browser, number=shown_number, frames=5):
    """Waits until the number shown has changed this many times."""
    seen = {until("a frame with a counter", lambda: number(browser))}
    until("moving frames", lambda: seen.add(number(browser)) or len(seen - {None}) > frames)


def number_on_screen(browser):
    """The number in the upper left corner: a page may not look into a picture from elsewhere. Of that corner alone, a
    screenshot takes a moment."""
    corner = {"x": 0, "y": 0, "width": CELLS * UNIT, "height": ROWS * UNIT, "scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": corner})
    png = numpy.frombuffer(base64.b64decode(shot["data"]), numpy.uint8)
    return read_counter(cv2.imdecode(png, cv2.IMREAD_COLOR))


def show_bare_img(test, browser, url):
    """Opens a page from elsewhere with nothing but this picture in it."""
    page = tempfile.NamedTemporaryFile("w", suffix=".html")
    test.addCleanup(page.close)
    page.write(f'<body style="margin:0"><img src="{url}">')
    page.flush()
    set_screen(browser, "desktop")
    browser.get(f"file://{page.name}")


class WithBrowser(WithProgram):
    """Checks that share one program and one browser, which forgets everything between them."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = open_browser(cls, *cls.flags)

    @classmethod
    def take_downloads(cls):
        """What the browser saves from now on is in the folder `downloads`."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.downloads = Path(folder.name)
        cls.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder.name})

    def setUp(self):
        self.browser.get("about:blank")
        clear = {"origin": self.url, "storageTypes": "local_storage"}
        self.browser.execute_cdp_cmd("Storage.clearDataForOrigin", clear)
        set_media(self.browser)
        set_screen(self.browser, "phone")
        self.browser.get_log("browser")

    def tearDown(self):
        # In a window that is being closed Chromium takes an image for a connection; nobody misses it then.
        log = [entry for entry in self.browser.get_log("browser") if "'data:image/gif" not in entry["message"]]
        errors = ["Uncaught", "Content Security Policy"]
        self.assertEqual([entry for entry in log if any(error in entry["message"] for error in errors)], [])

    def open(self, path="/"):
        self.browser.get(self.url + path)

    def run_js(self, script, *args):
        return self.browser.execute_script(script, *args)

    def heard(self):
        """What a screen reader is told: the role and the name of everything."""
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes if not node["ignored"]]
