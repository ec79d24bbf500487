"""A small disk of its own, which can be filled, pulled out, and be read-only, seen by this thread and its children."""

import contextlib
import ctypes
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

CLONE_NEWNS = 0x20000
"""linux/sched.h"""


def _call(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


class Disk:
    """A tmpfs; `recordings` is a folder on it."""

    def __init__(self, place, size):
        self.place, self.size = Path(place), size
        self.recordings = self.place / "recordings"

    def plug_in(self):
        self.run("mount", "-t", "tmpfs", "-o", f"size={self.size}", "disk", self.place)
        self.recordings.mkdir()

    def pull_out(self):
        self.run("umount", "--lazy", self.place)

    def remount(self, option):
        self.run("mount", "-o", f"remount,{option}", self.place)

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def plugged_in(size):
    """Within it there is a disk of this size, in a mount namespace of this thread."""
    with tempfile.TemporaryDirectory() as place, open("/proc/thread-self/ns/mnt") as home:
        try:
            _call("unshare", CLONE_NEWNS)
        except OSError as error:
            if os.environ.get("CI") == "true":
                raise
            raise unittest.SkipTest(f"no mount namespace can be made here: {error}") from error
        try:
            Disk.run("mount", "--make-rprivate", "/")
            disk = Disk(place, size)
            disk.plug_in()
            yield disk
        finally:
            _call("setns", home.fileno(), CLONE_NEWNS)
