"""Web hooks and commands, by the settings of docs/recipes.md: Home Assistant itself, and a server in place of ntfy."""

import base64
import http.server
import json
import tempfile
import threading
import tomllib
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from hass import Hass
from program import Program, until
from recipes import RECIPES, settings, snippet

DIES = "#!/bin/sh\nwhile [ -e \"$0.on\" ]; do cat \"$0.jpg\"; sleep 0.1; done\nexit 3\n"
"""Gives pictures while a file is there."""


class Camera:
    """A camera that can be taken away."""

    def __init__(self, test, url_or_command):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        script = Path(folder.name, "camera")
        self.switch = Path(folder.name, "camera.on")
        self.switch.touch()
        pattern = Program()
        self.picture = Path(folder.name, "camera.jpg")
        with urllib.request.urlopen(pattern.url + "/snapshot") as answer:
            self.picture.write_bytes(answer.read())
        pattern.stop()
        script.write_text(DIES)
        script.chmod(0o755)
        self.program = Program(f"door=pipe:{script}", options=["--title", "Front door", *url_or_command])
        test.addCleanup(self.program.stop)

    def is_lost(self):
        self.switch.unlink()

    def is_back(self):
        self.switch.touch()


class Ntfy(http.server.BaseHTTPRequestHandler):
    """Takes what is sent, as ntfy does."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class HomeAssistant(unittest.TestCase):
    def test_home_assistants_automation_is_started(self):
        recipe = settings("home-assistant-webhook")
        name = recipe["automation"][0]["trigger"][0]["webhook_id"]
        self.assertIn(f'notify = "http://homeassistant.local:8123/api/webhook/{name}"', RECIPES)
        hass = Hass(type(self), {**recipe, "webhook": {}, "persistent_notification": {}})
        camera = Camera(self, ["--notify", f"{hass.url}/api/webhook/{name}"])
        camera.is_lost()

        def called():
            return hass.ask("/api/states/automation.camera")["attributes"].get("last_triggered")

        until("the automation is started", called)


class Phone(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ntfy)
        self.server.received = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    def received(self, number):
        until(f"{number} messages", lambda: len(self.server.received) >= number)
        return self.server.received[number - 1]

    def test_ntfys_template_finds_its_words(self):
        url = tomllib.loads(snippet("toml", "ntfy"))["notify"]
        camera = Camera(self, ["--notify", url.replace("https://ntfy.sh", self.url)])
        camera.is_lost()
        path, headers, body = self.received(1)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
        self.assertEqual(query, {"template": "yes", "title": "{{.title}}", "message": "{{.message}}"})
        told = json.loads(body)
        self.assertEqual((headers["Content-Type"], told["title"]), ("application/json", "Front door"))
        self.assertTrue(told["message"].startswith("Front door: no picture: "), told)
        camera.is_back()
        self.assertEqual(json.loads(self.received(2)[2])["event"], "camera_back")

    def test_a_hook_gets_a_picture_of_what_moves(self):
        program = Program("door=pattern", options=["--motion", "high", "--notify", self.url + "/"])
        self.addCleanup(program.stop)
        told = json.loads(self.received(1)[2])
        self.assertEqual((told["event"], told["camera"]), ("motion", "door"))
        picture = base64.b64decode(told["picture"])
        self.assertEqual((picture[:2], picture[-2:]), (b"\xff\xd8", b"\xff\xd9"))

    def test_the_script_for_ntfy_sends_a_line_or_a_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "boardcam-ntfy")
            script.write_text(snippet("sh", "ntfy-picture").replace("https://ntfy.sh", self.url))
            script.chmod(0o755)
            camera = Camera(self, ["--notify-command", str(script)])
            camera.is_lost()
            path, headers, body = self.received(1)
            self.assertEqual((path, headers["Title"]), ("/TOPIC", "Front door"))
            self.assertTrue(body.startswith(b"Front door: no picture: "), body)
