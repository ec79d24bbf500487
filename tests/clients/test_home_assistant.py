"""Home Assistant itself, without its frontend, with the settings of docs/recipes.md."""

import json
import re
import socket
import unittest

from hass import Hass
from program import WAIT_S, Parts, Program, until
from recipes import BOARD, RECIPES, picture_number, python_of, settings
from users import PASSWORD, WATCHER, make_guarded

RECIPE = RECIPES.split("## Home Assistant\n")[1].split("\n## ")[0]
FRAMES = 10


class HomeAssistant(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        python = python_of("home-assistant")
        cls.board, cls.guarded = Program(), make_guarded(cls)
        cls.addClassCleanup(cls.board.stop)
        cls.addClassCleanup(cls.guarded.stop)
        (texts,) = python.parents[1].glob("lib/*/site-packages/homeassistant/components/mjpeg/translations/en.json")
        cls.fields = json.loads(texts.read_text())["config"]["step"]["user"]["data"]

        # Both boards in one file, the second's entities under names of their own.
        (rest,) = settings("home-assistant")["rest"]
        users = settings("home-assistant-users")
        assert (users["username"], users["password"]) == (WATCHER, "PASSWORD"), users
        resource = rest["resource"]
        assert resource == BOARD + "/state", resource
        first = {**rest, "resource": resource.replace(BOARD, cls.board.url)}
        second = {**rest, "resource": resource.replace(BOARD, cls.guarded.url), **users, "password": PASSWORD}
        for kind in ["binary_sensor", "sensor"]:
            second[kind] = [{**entity, "name": f"Guarded {entity['name']}"} for entity in rest[kind]]
        cls.hass = Hass(cls, {"rest": [first, second]})
        cls.address, cls.ask = cls.hass.address, cls.hass.ask

    def form(self, board, **values):
        """Fills in the form of the MJPEG IP Camera as the recipe says; what comes of it."""
        rows = re.findall(r"^\| ([\w ]+) \| `([^`]+)` \|$", RECIPE, re.MULTILINE)
        names = {label: name for name, label in self.fields.items()}
        recipe = {names[label]: value.replace(BOARD, board.url) for label, value in rows}
        self.assertEqual(set(recipe), {"mjpeg_url", "still_image_url"})
        filled = {"name": self.id().rsplit(".", 1)[-1], "password": "", "verify_ssl": True, **recipe, **values}
        filled = {name: value for name, value in filled.items() if value is not None}
        step = self.ask("/api/config/config_entries/flow", {"handler": "mjpeg"})
        return self.ask(f"/api/config/config_entries/flow/{step['flow_id']}", filled)

    def camera(self, board, **values):
        """The new entity, in the way that its proxy names it."""
        made = self.form(board, **values)
        self.assertEqual(made["type"], "create_entry", made)
        entity = "camera." + self.id().rsplit(".", 1)[-1]
        until(f"there is {entity}", lambda: entity in [state["entity_id"] for state in self.ask("/api/states")])
        return entity

    def check_camera(self, entity):
        first = picture_number(self.ask(f"/api/camera_proxy/{entity}"))
        until("the next still is another", lambda: picture_number(self.ask(f"/api/camera_proxy/{entity}")) > first)
        with socket.create_connection(self.address, timeout=WAIT_S) as connection:
            head = f"GET /api/camera_proxy_stream/{entity} HTTP/1.0\r\nAuthorization: Bearer {self.hass.token}\r\n\r\n"
            connection.sendall(head.encode())
            with connection.makefile("rb") as file:
                parts = Parts(file)
                numbers = [picture_number(parts.next()) for _ in range(FRAMES)]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertGreater(numbers[0], first)

    def test_home_assistant_shows_stills_and_hands_the_stream_on(self):
        self.check_camera(self.camera(self.board))

    def test_home_assistant_gets_in_with_a_password(self):
        self.check_camera(self.camera(self.guarded, username=WATCHER, password=PASSWORD))

    def test_home_assistant_may_send_a_password_nobody_asked_for(self):
        # Another address, because it wants each but once.
        url = self.board.url + "/video_feed"
        self.check_camera(self.camera(self.board, mjpeg_url=url, username=WATCHER, password=PASSWORD))

    def test_home_assistant_finds_its_still_in_the_stream(self):
        """It does where no still image has an address."""
        self.check_camera(self.camera(self.board, mjpeg_url=self.board.url + "/stream.mjpg", still_image_url=None))

    def test_home_assistant_says_what_is_wrong_with_a_password_or_an_address(self):
        nowhere = self.board.url + "/nowhere"
        for board, values, errors in [
            (self.guarded, {}, {"username": "invalid_auth"}),
            (self.guarded, {"username": WATCHER, "password": "wrong"}, {"username": "invalid_auth"}),
            (self.board, {"mjpeg_url": nowhere}, {"mjpeg_url": "cannot_connect"}),
            (self.board, {"still_image_url": nowhere}, {"still_image_url": "cannot_connect"}),
        ]:
            with self.subTest(values):
                self.assertEqual(self.form(board, **values).get("errors"), errors)

    def test_home_assistants_templates_find_their_values(self):
        for prefix in ["", "guarded_"]:
            with self.subTest(prefix):

                def value(name):
                    return self.hass.states().get(name)

                until("the camera is live", lambda: value(f"binary_sensor.{prefix}camera_live") == "on")
                self.assertRegex(value(f"sensor.{prefix}camera_frames_per_second"), r"^\d+$")
                self.assertRegex(value(f"sensor.{prefix}camera_viewers"), r"^\d+$")
