"""Home Assistant itself, without its frontend."""

import json
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from common import free_port
from program import WAIT_S, until
from recipes import python_of, start

HASS = """
import sys
from homeassistant import bootstrap
from homeassistant.__main__ import main
bootstrap.DEFAULT_INTEGRATIONS = bootstrap.CRITICAL_INTEGRATIONS = frozenset()
sys.exit(main())
"""
"""Home Assistant with those of its parts alone that the settings name."""
SETTINGS = {
    # Anyone who signs in on this machine is accepted.
    "homeassistant": {"auth_providers": [{"type": "command_line", "command": "/bin/true"}]},
    "api": {},
    "auth": {},
    "config": {},
}


class Hass:
    """A running Home Assistant with these settings beside those that it needs, until the class of tests is done."""

    def __init__(self, test_class, settings):
        python = python_of("home-assistant")
        folder = tempfile.TemporaryDirectory()
        test_class.addClassCleanup(folder.cleanup)
        port = free_port()
        http = {"server_host": "127.0.0.1", "server_port": port}
        file = Path(folder.name, "configuration.yaml")
        file.write_text(yaml.safe_dump({**SETTINGS, "http": http, **settings}))
        # Two of them may run at the same time, in two files of tests.
        name = f"home-assistant-{test_class.__name__}"
        start(test_class, name, [python, "-c", HASS, "--config", folder.name, "--skip-pip"], port)
        self.address, self.url, self.token = ("127.0.0.1", port), f"http://127.0.0.1:{port}", None
        client = self.url + "/"
        flow = {"client_id": client, "handler": ["command_line", None], "redirect_uri": client}
        step = self.ask("/auth/login_flow", flow)
        step = self.ask(f"/auth/login_flow/{step['flow_id']}", {"client_id": client, "username": "a", "password": "a"})
        form = {"grant_type": "authorization_code", "code": step["result"], "client_id": client}
        with urllib.request.urlopen(self.url + "/auth/token", urllib.parse.urlencode(form).encode(), WAIT_S) as answer:
            self.token = json.load(answer)["access_token"]
        until("it has started", lambda: self.ask("/api/config")["state"] == "RUNNING")

    def ask(self, path, body=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, body and json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            data = answer.read()
            return json.loads(data) if answer.headers.get_content_type() == "application/json" else data

    def states(self):
        """The state of each entity."""
        return {state["entity_id"]: state["state"] for state in self.ask("/api/states")}
