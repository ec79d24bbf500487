"""Clients with a password: curl, ffmpeg, OpenCV, VLC and a bare <img> with a token."""

import json
import subprocess

import cv2

from browser import await_moving, number_on_screen, open_browser, show_bare_img
from opencv import reads_moving_frames
from program import WAIT_S, WithProgram, check_jpeg, until
from users import IN_URL, PASSWORD, USER, WATCHER, ask, make_guarded

FRAMES = 30


class WithPassword(WithProgram):
    @classmethod
    def make_program(cls):
        return make_guarded(cls)

    def with_password(self, path):
        return self.url.replace("://", "://" + IN_URL) + path

    def curl(self, *args):
        command = ["curl", "--silent", "--max-time", str(WAIT_S), "--write-out", "%{stderr}%{http_code}", *args]
        done = subprocess.run(command, check=True, capture_output=True)
        return int(done.stderr), done.stdout

    def test_curl_gets_snapshots_with_a_password_and_none_without(self):
        until("a picture", lambda: self.curl(self.with_password("/healthz"))[0] == 200)
        for options in [["--user", f"{USER}:{PASSWORD}"], ["--user", f"{WATCHER}:{PASSWORD}"], ["--anyauth", "--user", f"{USER}:{PASSWORD}"]]:
            for _ in range(10):
                status, jpeg = self.curl(*options, self.url + "/snapshot")
                self.assertEqual(status, 200)
                check_jpeg(jpeg)
        self.assertEqual(self.curl(self.url + "/snapshot")[0], 401)

    def test_ffmpeg_decodes_the_stream_with_a_password_in_its_address(self):
        done = subprocess.run(
            [
                *["ffmpeg", "-nostdin", "-v", "warning", "-i", self.with_password("/stream")],
                *["-frames:v", str(FRAMES), "-fps_mode", "passthrough", "-f", "framemd5", "-"],
            ],
            **{"capture_output": True, "text": True, "timeout": WAIT_S},
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        frames = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        self.assertEqual(len(frames), FRAMES)
        refused = ["ffmpeg", "-nostdin", "-v", "error", "-i", self.url + "/stream", "-f", "null", "-"]
        refused = subprocess.run(refused, capture_output=True, text=True, timeout=WAIT_S)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("401", refused.stderr)

    def test_opencv_reads_the_stream_with_a_password_in_its_address(self):
        reads_moving_frames(self, self.with_password("/video_feed"))
        self.assertFalse(cv2.VideoCapture(self.url + "/video_feed").isOpened())

    def test_a_bare_img_shows_the_picture_by_a_token_until_that_is_revoked(self):
        made = json.loads(ask(self.url + "/api/tokens", "POST", b'{"name": "page"}'))
        browser = open_browser(self)
        show_bare_img(self, browser, self.url + made["url"])
        await_moving(browser, number_on_screen)
        viewers = lambda: json.loads(ask(self.url + "/state"))["viewers"]
        self.assertEqual(len(viewers()), 1)
        ask(self.url + "/api/tokens?name=page", "DELETE")
        until("its stream has ended", lambda: not viewers())
        self.assertEqual(self.curl(self.url + made["url"])[0], 401)
