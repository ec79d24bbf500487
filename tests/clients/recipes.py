"""The settings in board/recipes.md, and the programs they are for that come from PyPI."""

import os
import re
import subprocess
import unittest
from pathlib import Path

import yaml

from program import OUT, STOP_S

RECIPES = (Path(__file__).parents[2] / "board/recipes.md").read_text()
BOARD = "http://board.local:8080"


def snippet(kind, name):
    """The fenced block that begins with these words."""
    found = re.findall(rf"^```{kind} {name}\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks {kind} {name}"
    return found[0]


def settings(name):
    return yaml.safe_load(snippet("yaml", name))


def python_of(name):
    """The Python that has this program, which `run` installs; a check that needs it is skipped where it could not."""
    folder = OUT / name
    if not (folder / "installed.txt").exists():
        reason = f"{name} could not be installed: {(folder / 'pip.log').read_text().strip()}"
        if os.environ.get("CI") == "true":
            raise AssertionError(reason)
        raise unittest.SkipTest(reason)
    return folder / "bin/python"


def start(test_class, name, command):
    """Runs such a program until the class is done; what it says goes to a log."""
    # It may keep what it compiles: it starts in a third of the time then.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with open(OUT / f"{name}.log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end():
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    test_class.addClassCleanup(end)
    return process
