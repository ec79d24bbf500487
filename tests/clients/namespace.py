"""Network namespaces: one with an address that is not loopback, or a network of several."""

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


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def made(purpose):
    """Within it, there is a new namespace with loopback and nothing else; its name."""
    name = f"boardcam-{purpose}-{os.getpid()}"
    try:
        ip("netns", "add", name)
    except (subprocess.CalledProcessError, OSError) as error:
        if os.environ.get("CI") == "true":
            raise
        raise unittest.SkipTest(f"no network namespace can be made here: {error}") from error
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "delete", name)


@contextlib.contextmanager
def inside(name):
    """Within it, this thread is in that namespace, and so is what it starts."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
        move_to(there)
        try:
            yield
        finally:
            move_to(home)


@contextlib.contextmanager
def entered():
    """Within it, this thread is in a new namespace that has loopback and ADDRESS, and nothing else."""
    with made("clients") as name:
        # Not loopback to a browser, though nothing leaves this machine.
        ip("-n", name, "link", "add", "board", "type", "veth", "peer", "name", "phone")
        for end in ["board", "phone"]:
            ip("-n", name, "link", "set", end, "up")
        ip("-n", name, "address", "add", f"{ADDRESS}/24", "dev", "board")
        with inside(name):
            yield


class Network:
    """A switch with namespaces on it, by the names that a test gives them."""

    def __init__(self, test, *hosts):
        self.switch = test.enterContext(made("switch"))
        ip("-n", self.switch, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        ip("-n", self.switch, "link", "set", "switch", "up")
        self.names = {host: test.enterContext(made(host)) for host in hosts}
        for host in hosts:
            self.plug_in(host, "eth0")

    def plug_in(self, host, device):
        """Connects a further device of that host, without an address."""
        far = f"{host}-{device}"
        ip("-n", self.switch, "link", "add", far, "type", "veth", "peer", "name", device, "netns", self.names[host])
        ip("-n", self.switch, "link", "set", far, "master", "switch", "up")
        self.ip(host, "link", "set", device, "up")

    def separate(self, host):
        """Its cable stays in, but nothing passes the switch."""
        ip("-n", self.switch, "link", "set", f"{host}-eth0", "nomaster")

    def join(self, host):
        ip("-n", self.switch, "link", "set", f"{host}-eth0", "master", "switch")

    def ip(self, host, *words):
        ip("-n", self.names[host], *words)

    def address(self, host, change, address, device="eth0"):
        """Adds or deletes ("del") an address."""
        self.ip(host, "address", change, f"{address}/24", "dev", device)

    def inside(self, host):
        return inside(self.names[host])
