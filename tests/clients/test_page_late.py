"""Chromium shows a frame of a stream only when it has the headers of the next part: one frame late. With
`?advance_headers=1`, which the page asks for by itself, it must not: frame N is on the screen before frame N+1 is
sent. Shown with a pattern so slow that one frame late is a second late."""

import socket
import threading
import time

import cv2
import numpy

from browser import WithBrowser, number_on_screen, show_bare_img, shown_number
from program import WAIT_S, Parts, read_counter, until

FRAMES = 5
LOOK_S = 0.4
"""Two looks at the screen within this tell when a frame appeared."""


class Sent:
    """When each frame was sent, as another viewer of the same camera sees it."""

    def __init__(self, test, program):
        self.at = {}
        self.error = None
        self.socket = socket.create_connection(("127.0.0.1", program.port), timeout=WAIT_S)
        thread = threading.Thread(target=self._read, daemon=True)
        thread.start()
        test.addCleanup(thread.join, WAIT_S)
        test.addCleanup(self.socket.shutdown, socket.SHUT_RDWR)

    def _read(self):
        with self.socket, self.socket.makefile("rb") as file:
            self.socket.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            try:
                parts = Parts(file)
                while True:
                    jpeg = parts.next()
                    now = time.monotonic()
                    picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
                    self.at[read_counter(picture)] = now
            except (AssertionError, OSError) as error:
                self.error = error


class Late(WithBrowser):
    fps = 1

    def check_in_time(self, number):
        """Watches the picture until it has shown some frames, and compares when each was sent."""
        sent = Sent(self, self.program)
        shown, all_seen = {}, set()
        before = 0.0

        def look():
            nonlocal before
            begin = time.monotonic()
            now_shown = number(self.browser)
            end = time.monotonic()
            # It has appeared since the look before; on a busy machine that can be too long ago to tell when.
            if now_shown is not None and now_shown not in all_seen and end - before < LOOK_S:
                shown[now_shown] = end
            all_seen.add(now_shown)
            before = begin
            return [frame for frame in shown if frame in sent.at and frame + 1 in sent.at]

        until(f"{FRAMES} frames that are seen as they appear", lambda: len(look()) >= FRAMES or sent.error)
        self.assertIsNone(sent.error)
        late = {frame: round(shown[frame] - sent.at[frame + 1], 2) for frame in look()}
        for frame in late:
            self.assertLess(late[frame], 0, f"frame {frame} was shown after the next one was sent; in seconds: {late}")

    def test_the_page_shows_each_frame_before_the_next_one_is_sent(self):
        self.open()
        self.check_in_time(shown_number)

    def test_other_browsers_get_the_length_of_each_frame_instead(self):
        agent = self.run_js("return navigator.userAgent")
        firefox = {"userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        self.browser.execute_cdp_cmd("Emulation.setUserAgentOverride", firefox)
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.setUserAgentOverride", {"userAgent": agent})
        self.open()
        source = until("a stream", lambda: self.run_js("return tiles[0] && tiles[0].stream && tiles[0].stream.image.src"))
        self.assertNotIn("advance_headers", source)

    def test_a_bare_img_with_advance_headers_shows_each_frame_before_the_next_one_is_sent(self):
        show_bare_img(self, self.browser, self.url + "/stream?advance_headers=1")
        self.check_in_time(number_on_screen)
