"""A network namespace with an address that is not loopback, for checks that need one."""

import contextlib
import ctypes
import os
import subprocess
import unittest

CLONE_NEWNET = 0x40000000
"""linux/sched.h"""
ADDRESS = "10.78.0.1"


def move_to(file):
    """Moves this thread, and what it starts from now on, into the network namespace that `file` is."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(file.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def entered():
    """Within it, this thread is in a new namespace that has loopback and ADDRESS, and nothing else."""
    name = f"boardcam-clients-{os.getpid()}"

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        ip("netns", "add", name)
    except (subprocess.CalledProcessError, OSError) as error:
        if os.environ.get("CI") == "true":
            raise
        raise unittest.SkipTest(f"no network namespace can be made here: {error}") from error
    try:
        ip("-n", name, "link", "set", "lo", "up")
        # Not loopback to a browser, though nothing leaves this machine.
        ip("-n", name, "link", "add", "board", "type", "veth", "peer", "name", "phone")
        for end in ["board", "phone"]:
            ip("-n", name, "link", "set", end, "up")
        ip("-n", name, "address", "add", f"{ADDRESS}/24", "dev", "board")
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
            move_to(there)
            try:
                yield
            finally:
                move_to(home)
    finally:
        ip("netns", "delete", name)
