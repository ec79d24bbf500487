"""The settings in docs/recipes.md, and the programs they are for that come from PyPI."""

import os
import re
import subprocess
import unittest
from pathlib import Path

import cv2
import numpy
import yaml

from common import end
from program import OUT, STOP_S, listens, read_counter, until

RECIPES = (Path(__file__).parents[2] / "docs/recipes.md").read_text()
BOARD = "http://board.local:8080"


def snippet(kind, name):
    """The fenced block that begins with these words."""
    found = re.findall(rf"^```{kind} {name}\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks {kind} {name}"
    return found[0]


def settings(name):
    return yaml.safe_load(snippet("yaml", name))


def picture_number(jpeg):
    """The frame number in a JPEG of the test pattern."""
    picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
    assert picture is not None, f"no JPEG: {jpeg[:100]}"
    number = read_counter(picture)
    assert number is not None, "no picture of the pattern"
    return number


def python_of(name):
    """The Python that has this program, which `run` installs; a check that needs it is skipped where it could not."""
    folder = OUT / name
    if not (folder / "installed.txt").exists():
        reason = f"{name} could not be installed: {(folder / 'pip.log').read_text().strip()}"
        if os.environ.get("CI") == "true":
            raise AssertionError(reason)
        raise unittest.SkipTest(reason)
    return folder / "bin/python"


def start(test_class, name, command, port):
    """Runs such a program until the class is done, and waits until it listens; what it says goes to a log."""
    # It may keep what it compiles, for the next time.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    log = OUT / f"{name}.log"
    with open(log, "w") as file:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    test_class.addClassCleanup(end, process, STOP_S)
    until(f"{name} listens or ends, see {log}", lambda: process.poll() is not None or listens(port))
    if process.poll() is not None:
        raise AssertionError(f"{name} ended with {process.returncode}, see {log}")
