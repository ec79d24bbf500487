"""nginx as a proxy in front, as one would set it up for a certificate or a path of one's own."""

import json
import socket
import time
import urllib.request

from common import free_port
from program import OUT, WAIT_S, Parts, WithProgram, check_jpeg, until
from proxy import Unchunked, start_nginx

FRAMES = 6
FPS = 2
"""So slow that a frame whose end waits for the next one is late for sure, ..."""
LATE_S = 0.5 / FPS
"""... later than this."""
SERVER = """
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {url}; }}
        location /camera/ {{ proxy_pass {url}/; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
"""


class Nginx(WithProgram):
    fps = FPS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = free_port()
        start_nginx(cls.addClassCleanup, SERVER.format(port=port, url=cls.url), port, OUT / "nginx.log")
        cls.address = ("127.0.0.1", port)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.address[1]}{path}", timeout=WAIT_S) as answer:
            return answer.read()

    def test_behind_nginx_frames_come_at_once(self):
        for path in ["/stream", "/camera/stream"]:
            with self.subTest(path), socket.create_connection(self.address, timeout=WAIT_S) as connection:
                host = f"Host: 127.0.0.1:{self.address[1]}"
                connection.sendall(f"GET {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
                with connection.makefile("rb") as file:
                    parts = Parts(Unchunked(file))
                    ages = []
                    for _ in range(FRAMES):
                        check_jpeg(parts.next())
                        ages.append(time.time() - parts.taken)
                self.assertLess(sorted(ages)[len(ages) // 2], LATE_S)

    def test_behind_nginx_page_snapshot_and_state_answer(self):
        for prefix in ["", "/camera"]:
            with self.subTest(prefix):
                self.assertIn(b"<html", self.get(prefix + "/"))
                check_jpeg(self.get(prefix + "/snapshot"))
                self.assertEqual(len(json.loads(self.get(prefix + "/state"))["cameras"]), 1)

    def test_a_viewer_that_leaves_nginx_leaves_the_program_too(self):
        with socket.create_connection(self.address, timeout=WAIT_S) as connection:
            connection.sendall(b"GET /stream?id=passing HTTP/1.0\r\n\r\n")
            until("the viewer is there", lambda: b'"passing"' in self.get("/state"))
        until("the viewer is gone", lambda: b'"passing"' not in self.get("/state"))
