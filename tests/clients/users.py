"""Users for the program under test, made as a person makes them."""

import base64
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from program import WAIT_S, Program

USER, WATCHER, PASSWORD = "anna", "ben", "right horse"
IN_URL = f"{USER}:right%20horse@"
"""Before the host of a URL."""


def make_users(test):
    """A settings file with one user of each role; `test` is a test or a class of tests, at whose end it goes."""
    cleanup = test.addClassCleanup if isinstance(test, type) else test.addCleanup
    folder = tempfile.TemporaryDirectory()
    cleanup(folder.cleanup)
    made = [
        subprocess.run(
            [os.environ["BOARDCAM_BIN"], "hash-password", name, "--role", role],
            **{"input": PASSWORD + "\n", "capture_output": True, "text": True, "check": True, "timeout": WAIT_S},
        ).stdout
        for name, role in [(USER, "control"), (WATCHER, "watch")]
    ]
    file = Path(folder.name) / "boardcam.toml"
    file.write_text("".join(made))
    return str(file)


def make_guarded(test, **program):
    """The test pattern for these users, with a folder of its own for tokens."""
    settings = make_users(test)
    os.environ["STATE_DIRECTORY"] = str(Path(settings).parent)
    try:
        return Program(options=("--config", settings), **program)
    finally:
        del os.environ["STATE_DIRECTORY"]


def ask(url, method="GET", body=None, user=USER):
    """The answer's text, for a user."""
    credentials = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(url, body, {"Authorization": f"Basic {credentials}"}, method=method)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return answer.read().decode()
