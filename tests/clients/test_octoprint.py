"""OctoPrint itself, with its virtual printer and the settings of docs/recipes.md."""

import base64
import http.client
import json
import shutil
import tempfile
import unittest
import urllib.request
import uuid
from pathlib import Path

import cv2
import yaml

from common import free_port
from program import OUT, WAIT_S, Program, read_counter, until
from recipes import BOARD, picture_number, python_of, settings, start
from users import PASSWORD, WATCHER, ask, make_guarded

KEY = uuid.uuid4().hex.upper()
SETTINGS = {
    "api": {"key": KEY},
    "server": {"firstRun": False, "onlineCheck": {"enabled": False}, "pluginBlacklist": {"enabled": False}},
    "webcam": {"ffmpeg": shutil.which("ffmpeg")},
}
OFF = """
achievements action_command_notification action_command_prompt announcements appkeys backup corewizard discovery
errortracking eventmanager gcodeviewer health_check logging pluginmanager softwareupdate tracking
"""
"""Plugins that ask the internet or announce it in the network, and some more that nobody needs here."""
PRINT = "G28\nG4 S6\nM400\n"
"""Homes, waits 6 s, and waits until all is done."""
FRAMES = 3
"""At least, of one picture a second."""


class Printer:
    """What is tried of one OctoPrint, which has its settings from the recipe; `webcam` are those."""

    @classmethod
    def setUpClass(cls):
        python = python_of("octoprint")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.board = cls.make_board()
        cls.addClassCleanup(cls.board.stop)
        recipe = {**settings("octoprint")["plugins"]["classicwebcam"], **cls.users()}
        cls.webcam = {
            name: value.replace(BOARD, cls.board.url) if isinstance(value, str) else value
            for name, value in recipe.items()
        }
        cls.webcam["stream"] += cls.token()
        plugins = {"_disabled": OFF.split(), "virtual_printer": {"enabled": True}, "classicwebcam": cls.webcam}
        Path(folder.name, "config.yaml").write_text(yaml.safe_dump({**SETTINGS, "plugins": plugins}))
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        serve = ["serve", "--iknowwhatimdoing", "--basedir", folder.name, "--host", "127.0.0.1", "--port", str(port)]
        start(cls, "octoprint", [python.parent / "octoprint", *serve], port)
        until("it has started", cls.started)

    @classmethod
    def started(cls):
        try:
            return json.loads(cls.get("/api/version"))["server"]
        except (OSError, http.client.HTTPException, ValueError):
            # While it starts, another server says so, in text that is not HTTP, and then makes way for it.
            return None

    @classmethod
    def get(cls, path, body=None, kind="application/json"):
        headers = {"X-Api-Key": KEY, **({"Content-Type": kind} if body else {})}
        with urllib.request.urlopen(urllib.request.Request(cls.url + path, body, headers), timeout=WAIT_S) as answer:
            return answer.read()

    def tell(self, path, **values):
        answer = self.get(path, json.dumps(values).encode())
        return json.loads(answer) if answer else None

    def verdict(self, url, method="GET", kind="image/*", **more):
        """What its settings do on *Test*."""
        asked = {"url": url, "method": method, "response": "bytes", "timeout": 5, "content_type_guess": True}
        return self.tell("/api/util/test", command="url", content_type_whitelist=[kind], **asked, **more)

    def check_urls(self, **more):
        taken = json.loads(self.get("/api/settings"))["plugins"]["classicwebcam"]
        told = self.verdict(taken["snapshot"], **more)
        self.assertEqual((told["result"], told["status"]), (True, 200))
        picture_number(base64.b64decode(told["response"]["content"]))
        # Its test of the stream is an <img>: so only the head is asked for.
        told = self.verdict(taken["stream"], "HEAD", "multipart/x-mixed-replace")
        self.assertEqual((told["result"], told["status"]), (True, 200))

    def check_time_lapse(self):
        self.tell("/api/connection", command="connect", port="VIRTUAL")
        state = lambda: json.loads(self.get("/api/connection"))["current"]["state"]
        until("the virtual printer is there", lambda: state() == "Operational")
        told = self.tell("/api/timelapse", type="timed", interval=1, fps=25, postRoll=0)
        self.assertEqual(told["config"]["type"], "timed", "it takes no pictures with these settings")
        form = "\r\n".join(
            ["--x", 'Content-Disposition: form-data; name="print"', "", "true"]
            + ["--x", 'Content-Disposition: form-data; name="file"; filename="a.gcode"', "", PRINT, "--x--", ""]
        )
        self.get("/api/files/local", form.encode(), "multipart/form-data; boundary=x")
        films = until("there is a film, see octoprint.log", lambda: json.loads(self.get("/api/timelapse"))["files"])
        film = OUT / "octoprint.mp4"
        film.write_bytes(self.get(films[0]["url"]))
        video, numbers = cv2.VideoCapture(str(film)), []
        while (read := video.read())[0]:
            numbers.append(read_counter(read[1]))
        self.assertNotIn(None, numbers)
        self.assertEqual(numbers, sorted(set(numbers)), "pictures do not follow each other")
        self.assertGreaterEqual(len(numbers), FRAMES)


class Open(Printer, unittest.TestCase):
    make_board = Program
    users = staticmethod(dict)
    token = staticmethod(str)

    def test_octoprint_finds_its_two_urls_right(self):
        self.check_urls()
        told = self.verdict(self.board.url + "/nowhere")
        self.assertEqual((told["result"], told["status"]), (False, 404))

    def test_octoprint_makes_a_time_lapse_of_a_print(self):
        self.check_time_lapse()


class Guarded(Printer, unittest.TestCase):
    @classmethod
    def make_board(cls):
        return make_guarded(cls)

    @classmethod
    def users(cls):
        recipe = settings("octoprint-users")
        assert (recipe["snapshotUsername"], recipe["snapshotPassword"]) == (WATCHER, "PASSWORD"), recipe
        return {**recipe, "snapshotPassword": PASSWORD}

    @classmethod
    def token(cls):
        made = json.loads(ask(cls.board.url + "/api/tokens", "POST", b'{"name": "octoprint"}'))
        return "?token=" + made["url"].split("token=")[1]

    def test_octoprint_finds_its_two_urls_right_with_a_password_and_a_token(self):
        self.check_urls(basicAuth={"username": WATCHER, "password": PASSWORD})
        for more in [{}, {"basicAuth": {"username": WATCHER, "password": "wrong"}}]:
            told = self.verdict(self.webcam["snapshot"], **more)
            self.assertEqual((told["result"], told["status"]), (False, 401))

    def test_octoprint_makes_a_time_lapse_of_a_print_with_a_password(self):
        self.check_time_lapse()
