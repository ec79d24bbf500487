"""Headless Firefox through WebDriver BiDi, which it speaks by itself: the page, and a bare <img>."""

import base64
import itertools
import json
import re
import subprocess
import tempfile

import cv2
import numpy
import websocket

from browser import await_moving
from common import LineReader
from program import HEIGHT, OUT, WAIT_S, WIDTH, WithProgram, read_counter, until


class Browser:
    """A Firefox with one tab."""

    def __init__(self, test):
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        test.addCleanup(profile.cleanup)
        command = ["firefox-esr", "--headless", "--no-remote", "--profile", profile.name, "--remote-debugging-port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        test.addCleanup(process.wait)
        test.addCleanup(process.kill)
        address = None
        for line in process.stderr:
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                address = found[1]
                break
        assert address, "Firefox ended"
        test.addCleanup(LineReader(process.stderr, lambda _: None).join)
        test.addCleanup(process.kill)
        self.numbers = itertools.count(1)
        self.socket = websocket.create_connection(f"{address}/session", timeout=WAIT_S, suppress_origin=True)
        test.addCleanup(self.socket.close)
        self.ask("session.new", capabilities={})
        self.tab = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert "result" in answer, answer
                return answer["result"]

    def open(self, url):
        # "none": a page with a live <img> never finishes to load.
        self.ask("browsingContext.navigate", context=self.tab, url=url, wait="none")

    def picture(self):
        """What the tab shows."""
        shot = self.ask("browsingContext.captureScreenshot", context=self.tab)
        return cv2.imdecode(numpy.frombuffer(base64.b64decode(shot["data"]), numpy.uint8), cv2.IMREAD_COLOR)

    def value(self, expression):
        evaluated = self.ask(
            "script.evaluate", expression=expression, target={"context": self.tab}, awaitPromise=False
        )
        return evaluated["result"].get("value")


class Firefox(WithProgram):
    def test_firefox_shows_the_page_with_moving_pictures(self):
        browser = Browser(self)
        browser.open(self.url + "/")
        until("it says live", lambda: browser.value("document.body && document.body.dataset.state") == "live")
        await_moving(browser, self.counter)
        cv2.imwrite(str(OUT / "firefox-page.png"), browser.picture())

    def counter(self, browser):
        """The number of the frame that the page's picture shows."""
        url = browser.value(
            """(() => {
                const image = document.querySelector('.tile img');
                if (!image || !image.naturalWidth) return null;
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
                canvas.getContext('2d').drawImage(image, 0, 0);
                return canvas.toDataURL('image/png');
            })()"""
        )
        if not url:
            return None
        png = numpy.frombuffer(base64.b64decode(url.split(",")[1]), numpy.uint8)
        picture = cv2.imdecode(png, cv2.IMREAD_COLOR)
        return read_counter(picture) if picture.shape[:2] == (HEIGHT, WIDTH) else None

    def test_firefox_shows_a_bare_img_in_another_page(self):
        with tempfile.NamedTemporaryFile("w", suffix=".html") as page:
            page.write(f'<!doctype html><body style="margin:0"><img src="{self.url}/stream">')
            page.flush()
            browser = Browser(self)
            browser.open(f"file://{page.name}")
            await_moving(browser, lambda browser: read_counter(browser.picture()[:HEIGHT, :WIDTH]))
