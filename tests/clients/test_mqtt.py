"""MQTT with the broker mosquitto and with Home Assistant itself, by the settings of docs/recipes.md."""

import json
import subprocess
import tempfile
import tomllib
import unittest
import urllib.request
from pathlib import Path

from broker import PASSWORD, URL_PASSWORD, USER, Broker
from common import free_port
from hass import Hass
from program import Program, until
from recipes import snippet

BASE = "boardcam/garden"


def board(broker_url, *cameras, by=(), folder=None, more=()):
    options = ["--mqtt", broker_url, "--name", "garden", *more]
    if folder:
        options += ["--record-folder", folder]
    return Program(*(cameras or ["door=pattern"]), options=options, by=by)


class Mosquitto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker(free_port())
        cls.addClassCleanup(cls.broker.end)
        cls.url = f"mqtt://{USER}:{URL_PASSWORD}@127.0.0.1:{cls.broker.port}"

    def is_kept(self, topic, payload):
        until(f"{topic} is {payload}", lambda: self.broker.kept(topic) == payload)

    def test_mosquitto_is_told_of_the_camera_and_hears_when_the_board_is_gone(self):
        with tempfile.TemporaryDirectory() as folder:
            program = board(self.url, folder=folder)
            self.addCleanup(program.kill)
            self.is_kept(f"{BASE}/status", b"online")
            self.is_kept(f"{BASE}/door/camera", b"ON")
            self.is_kept(f"{BASE}/door/recording", b"OFF")
            self.broker.say(f"{BASE}/door/recording/set", "ON")
            self.is_kept(f"{BASE}/door/recording", b"ON")
            until("there is a recording", lambda: list(Path(folder).glob("door_*")))
            for nonsense in ["OF", "off", "x" * 100_000]:
                self.broker.say(f"{BASE}/door/recording/set", nonsense)
            self.broker.say(f"{BASE}/door/recording/set", "OFF")
            self.is_kept(f"{BASE}/door/recording", b"OFF")
            program.kill()
            self.is_kept(f"{BASE}/status", b"offline")

    def test_mosquitto_keeps_nothing_of_a_camera_that_is_no_longer_there(self):
        """And of the end of the program, too, it hears."""
        with tempfile.TemporaryDirectory() as folder:
            program = board(self.url, folder=folder)
            self.addCleanup(program.kill)
            entity = "homeassistant/switch/boardcam_garden_door/recording/config"
            until("there is a switch", lambda: self.broker.kept(entity))
            self.assertEqual(json.loads(self.broker.kept(entity))["command_topic"], f"{BASE}/door/recording/set")
            program.stop()
            self.is_kept(f"{BASE}/status", b"offline")
        program = board(self.url)
        self.addCleanup(program.stop)
        self.is_kept(f"{BASE}/status", b"online")
        self.is_kept(entity, b"")

    def test_a_broker_that_was_restarted_is_told_everything_again(self):
        broker = Broker(free_port())
        self.addCleanup(broker.end)
        program = board(f"mqtt://{USER}:{URL_PASSWORD}@127.0.0.1:{broker.port}")
        self.addCleanup(program.stop)
        until("it is told", lambda: broker.kept(f"{BASE}/status") == b"online")
        broker.stop()
        until("that is said", lambda: "cannot connect to mqtt://" in program.log)
        broker.start()
        until("it is told again", lambda: broker.kept(f"{BASE}/door/camera") == b"ON")
        self.assertEqual(program.log.count("cannot connect to mqtt://"), 1, program.log)

    def test_a_wrong_password_is_said_and_not_shown(self):
        program = board(f"mqtt://{USER}:geheim@127.0.0.1:{self.broker.port}")
        self.addCleanup(program.stop)
        until("that is said", lambda: "it refuses this user and password" in program.log)
        self.assertNotIn("geheim", program.log)

    def test_mosquitto_is_reached_by_tls_if_the_system_trusts_it(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = Path(folder, "key.pem"), Path(folder, "cert.pem")
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            command += ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost"]
            # What browsers and rustls take: a certificate for a name, which is its own authority.
            command += ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
            subprocess.run(command, check=True, capture_output=True)
            broker = Broker(free_port(), [f"certfile {certificate}", f"keyfile {key}"])
            self.addCleanup(broker.end)
            url = f"mqtts://{USER}:{URL_PASSWORD}@localhost:{broker.port}"
            trusting = board(url, by=["env", f"SSL_CERT_FILE={certificate}"])
            self.addCleanup(trusting.stop)
            until("it is connected", lambda: f"connected to mqtts://localhost:{broker.port}/" in trusting.log)
            strange = board(url)
            self.addCleanup(strange.stop)
            until("that is said", lambda: "cannot connect to mqtts://" in strange.log)


class HomeAssistant(unittest.TestCase):
    def test_home_assistant_finds_the_camera_and_switches_its_recording(self):
        broker = Broker(free_port())
        self.addCleanup(broker.end)
        recipe = tomllib.loads(snippet("toml", "mqtt"))["mqtt"]
        url = recipe.replace("PASSWORD", URL_PASSWORD).replace("homeassistant.local", f"127.0.0.1:{broker.port}")
        self.assertTrue(url.startswith(f"mqtt://{USER}:"), url)
        with tempfile.TemporaryDirectory() as folder:
            program = board(url, folder=folder, more=["--motion", "high"])
            self.addCleanup(program.kill)
            hass = Hass(type(self), {})
            step = hass.ask("/api/config/config_entries/flow", {"handler": "mqtt"})
            form = {"broker": "127.0.0.1", "port": broker.port, "username": USER, "password": PASSWORD}
            made = hass.ask(f"/api/config/config_entries/flow/{step['flow_id']}", form)
            self.assertEqual(made["type"], "create_entry", made)
            state = lambda entity: hass.states().get(entity)  # noqa: E731
            until("there is the camera", lambda: state("binary_sensor.door_camera") == "on")
            until("there is the switch", lambda: state("switch.door_recording") == "off")
            hass.ask("/api/services/switch/turn_on", {"entity_id": "switch.door_recording"})
            until("it is on", lambda: state("switch.door_recording") == "on")
            until("there is a recording", lambda: list(Path(folder).glob("door_*")))
            hass.ask("/api/services/switch/turn_off", {"entity_id": "switch.door_recording"})
            until("it is off", lambda: state("switch.door_recording") == "off")
            # The test pattern moves.
            until("motion is seen", lambda: state("binary_sensor.door_motion") == "on")
            until("there is a picture of it", lambda: state("image.door_last_motion") not in ["unknown", None])
            picture = hass.ask("/api/image_proxy/image.door_last_motion")
            self.assertEqual((picture[:2], picture[-2:]), (b"\xff\xd8", b"\xff\xd9"))
            hass.ask("/api/services/switch/turn_on", {"entity_id": "switch.door_privacy"})
            until("the camera is closed", lambda: state("switch.door_privacy") == "on")
            until("nothing moves", lambda: state("binary_sensor.door_motion") == "off")
            with urllib.request.urlopen(program.url + "/api/privacy") as answer:
                self.assertTrue(json.load(answer)["on"])
            program.kill()
            until("it is gone", lambda: state("switch.door_recording") == "unavailable")
