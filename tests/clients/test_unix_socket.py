"""A socket in the file system, for a proxy on the same machine, and sockets that systemd opens."""

import configparser
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

from common import free_port
from program import OUT, WAIT_S, Parts, Program, WithProgram, check_jpeg, until
from proxy import start_nginx
from recipes import snippet

SERVED = "/run/boardcam/boardcam.sock"
ACTIVATE = """
import os, socket, sys
kind, place = sys.argv[1:3]
passed = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
passed.bind(place if kind == "unix" else ("127.0.0.1", int(place)))
passed.listen()
os.dup2(passed.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""
"""What systemd does before it runs a service with a socket (sd_listen_fds(3))."""


class ByPath(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(str(self.path))


def get(connection, url):
    connection.request("GET", url)
    answer = connection.getresponse()
    return answer.status, answer.read()


class UnixSocket(WithProgram):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)  # nginx serves as another user
        cls.path = Path(folder.name, "boardcam.sock")
        listen = tomllib.loads(snippet("toml", "socket"))["listen"]
        return Program(options=["--listen", listen.replace(SERVED, str(cls.path))])

    def stream(self):
        """A viewer by the socket, which has taken a frame."""
        viewer = socket.socket(socket.AF_UNIX)
        self.addCleanup(viewer.close)
        viewer.settimeout(WAIT_S)
        viewer.connect(str(self.path))
        viewer.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
        parts = Parts(viewer.makefile("rb"))
        check_jpeg(parts.next())
        return parts

    def test_page_state_and_stream_are_served_as_by_tcp(self):
        connection = ByPath(self.path)
        self.addCleanup(connection.close)
        for url in ["/", "/state", "/snapshot"]:
            self.assertEqual(get(connection, url)[0], 200, url)
        first, second = self.stream(), self.stream()
        for parts in [first, second]:
            for _ in range(5):
                check_jpeg(parts.next())
        viewers = json.loads(get(connection, "/state")[1])["viewers"]
        addresses = {viewer["address"] for viewer in viewers}
        self.assertEqual(len(addresses), 2, viewers)
        self.assertTrue(all(address.startswith("unix:") for address in addresses), addresses)

    def test_the_mode_says_who_may_connect(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o666)

    def test_a_proxy_at_the_socket_is_believed_whose_request_it_is(self):
        log = len(self.program.log)
        port = free_port()
        location = snippet("nginx", "socket").replace(SERVED, str(self.path))
        server = f"server {{ listen 127.0.0.1:{port}; {location} }}"
        start_nginx(self.addCleanup, server, port, OUT / "nginx-unix.log")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        self.addCleanup(connection.close)
        status, picture = get(connection, "/snapshot")
        self.assertEqual(status, 200, self.program.log[log:])
        check_jpeg(picture)


class AtItsEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "boardcam.sock")

    def test_the_file_is_removed_and_one_that_a_crash_left_is_replaced(self):
        options = ["--listen", f"unix:{self.path}"]
        crashed = Program(options=options)
        crashed.kill()
        self.assertTrue(self.path.is_socket())
        program = Program(options=options)
        connection = ByPath(self.path)
        self.assertEqual(get(connection, "/healthz")[0], 200)
        connection.close()
        program.stop()
        self.assertFalse(self.path.exists())

    def run_activated(self, *command):
        log = tempfile.TemporaryFile("w+")
        self.addCleanup(log.close)
        program = [os.environ["BOARDCAM_BIN"], "--camera", "pattern", "--log", "stderr"]
        process = subprocess.Popen([*command, *program], stderr=log)

        def end():
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(WAIT_S), 0)
            log.seek(0)
            self.assertRegex(log.read(), "listening on (a socket|2 sockets) of the service manager, in place of --listen: ")

        self.addCleanup(end)

    def test_systemd_may_open_the_socket(self):
        unit = configparser.ConfigParser()
        unit.read_string(snippet("ini", "socket"))
        self.assertTrue(unit["Socket"]["ListenStream"].startswith("/run/"))
        self.run_activated(sys.executable, "-c", ACTIVATE, "unix", str(self.path))
        self.await_page(lambda: ByPath(self.path))

    def test_systemd_may_open_a_port(self):
        port = free_port()
        self.run_activated(sys.executable, "-c", ACTIVATE, "tcp", str(port))
        self.await_page(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S))

    def test_systemd_opens_both_and_starts_boardcam_with_the_first_client(self):
        activate = shutil.which("systemd-socket-activate")
        self.assertTrue(activate, "systemd-socket-activate is missing: tests/install clients")
        port = free_port()
        self.run_activated(activate, "-l", str(self.path), "-l", f"127.0.0.1:{port}", "-E", "STATE_DIRECTORY")
        self.await_page(lambda: ByPath(self.path))
        self.await_page(lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S))

    def await_page(self, connect):
        def answers():
            connection = connect()
            try:
                return get(connection, "/")[0] == 200
            except (ConnectionRefusedError, FileNotFoundError):
                return False
            finally:
                connection.close()

        until("it answers", answers)
