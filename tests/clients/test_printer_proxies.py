"""The proxies that Mainsail, Fluidd and OctoPi put in front of a printer's camera, configured as these projects ship them,
with no option of ours. Their web interfaces are left out, and ports and folders are the check's own."""

import http.client
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from common import free_port
from program import OUT, WAIT_S, Parts, Program, WithProgram, check_jpeg, listens, until
from proxy import Unchunked, nginx_command

FRAMES = 6
FPS = 2
"""So slow that a frame whose end waits for the next one is late for sure, ..."""
LATE_S = 0.5 / FPS
"""... later than this."""

SERVER = """
    server {{
        listen 127.0.0.1:{port};
        gzip on;
        gzip_vary on;
        gzip_proxied any;
        gzip_proxied expired no-cache no-store private auth;
        gzip_comp_level 4;
        gzip_buffers 16 8k;
        gzip_http_version 1.1;
        gzip_types text/plain text/css text/xml text/javascript application/javascript application/json application/xml;
        root {folder};
        index index.html;
        server_name _;
        client_max_body_size 0;
        proxy_request_buffering off;
        location / {{ try_files $uri $uri/ /index.html; }}
        {locations}
    }}
"""
UPSTREAMS = "".join(f"upstream mjpgstreamer{n} {{{{ ip_hash; server {{board}}; }}}}\n" for n in range(1, 5))
WEBCAM = """
        location /webcam{path}/ {{
            postpone_output 0;
            proxy_buffering off;
            proxy_ignore_headers X-Accel-Buffering;
            access_log off;
            error_log off;
            proxy_pass http://mjpgstreamer{number}/;
        }}
"""

MAINSAIL = UPSTREAMS + SERVER.replace(
    "{locations}", "".join(WEBCAM.format(path=n if n > 1 else "", number=n).replace("{", "{{").replace("}", "}}") for n in range(1, 5))
)
"""MainsailOS, and KIAUH for Mainsail and for Fluidd: upstreams with names, and no Host of the browser's."""

FLUIDD = (
    """
    map $http_x_forwarded_proto $proxy_x_forwarded_proto {{ default $http_x_forwarded_proto; '' $scheme; }}
    map $http_upgrade $proxy_connection {{ default upgrade; '' close; }}
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $proxy_connection;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Port 443;
    proxy_set_header X-Forwarded-Proto $proxy_x_forwarded_proto;
"""
    + UPSTREAMS
    + SERVER.replace("{locations}", "location /webcam/ {{ proxy_pass http://mjpgstreamer1/; }}")
)
"""FluiddPI: the browser's Host, and headers that say where a request comes from. Its buffering stays on."""

OCTOPI = """
global
    maxconn 256
defaults
    mode http
    compression algo gzip
    retries 3
    option redispatch
    option http-server-close
    option forwardfor
    maxconn 200
    timeout connect 5s
    timeout client 15m
    timeout server 15m
frontend public
    bind 127.0.0.1:{port}
    option forwardfor except 127.0.0.1
    use_backend webcam if {{ path_beg /webcam/ }}
    default_backend octoprint
backend octoprint
    server octoprint1 127.0.0.1:1
backend webcam
    http-request replace-path /webcam/(.*) /\\1
    server webcam1 {board}
"""
"""OctoPi: haproxy, which changes the path and leaves Host as it is."""


class PrinterProxies(WithProgram):
    @classmethod
    def make_program(cls):
        return Program(size=(320, 240), fps=FPS)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        Path(folder.name, "index.html").write_text("<html>the printer's own page")
        cls.ports = {
            "Mainsail": cls.nginx(folder.name, "mainsail", MAINSAIL),
            "Fluidd": cls.nginx(folder.name, "fluidd", FLUIDD),
            "OctoPi": cls.haproxy(folder.name),
        }

    @classmethod
    def nginx(cls, folder, name, http):
        folder, port = f"{folder}/{name}", free_port()
        Path(folder).mkdir()
        http = http.format(folder=folder, port=port, board=f"127.0.0.1:{cls.program.port}")
        cls.start(name, nginx_command(folder, http), port)
        return port

    @classmethod
    def haproxy(cls, folder):
        port = free_port()
        settings = Path(folder, "haproxy.cfg")
        settings.write_text(OCTOPI.format(port=port, board=f"127.0.0.1:{cls.program.port}"))
        libraries = {"LD_LIBRARY_PATH": os.environ["HAPROXY_LIBRARIES"]}
        cls.start("haproxy", [os.environ["HAPROXY"], "-db", "-f", settings], port, **libraries)
        return port

    @classmethod
    def start(cls, name, command, port, **environment):
        with open(OUT / f"printer-{name}.log", "w") as log:
            proxy = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
        cls.addClassCleanup(proxy.wait)
        cls.addClassCleanup(proxy.terminate)
        until(f"{name} listens, see {log.name}", lambda: proxy.poll() is not None or listens(port))
        assert proxy.poll() is None, f"{name} ended, see {log.name}"

    def snapshot(self, port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        connection.request("GET", path, headers={"Accept": "image/*"})
        answer = connection.getresponse()
        body = answer.read()
        self.assertEqual(answer.status, 200, f"{path}: {body[:200]}")
        self.assertEqual(answer.headers["Content-Type"], "image/jpeg", path)
        check_jpeg(body)
        connection.close()

    def test_the_printers_page_shows_the_camera_without_any_setting(self):
        for name, port in self.ports.items():
            with self.subTest(name), socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
                # As a browser asks, which takes compressed answers.
                lines = [f"GET /webcam/?action=stream&1700000000 HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept-Encoding: gzip"]
                connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
                with connection.makefile("rb") as file:
                    parts = Parts(Unchunked(file))
                    ages = []
                    for _ in range(FRAMES):
                        check_jpeg(parts.next())
                        ages.append(time.time() - parts.taken)
                self.assertLess(sorted(ages)[len(ages) // 2], LATE_S)

    def test_snapshots_come_by_the_urls_that_are_in_the_printers_settings(self):
        for name, port in self.ports.items():
            for path in ["/webcam/?action=snapshot", "/webcam/?action=snapshot&cacheBust=1700000000", "/webcam/snapshot"]:
                with self.subTest(f"{name} {path}"):
                    self.snapshot(port, path)
        for number in range(2, 5):
            with self.subTest(number):
                self.snapshot(self.ports["Mainsail"], f"/webcam{number}/?action=snapshot")

    def test_a_printer_behind_its_routers_name_is_served(self):
        label = socket.gethostname().split(".")[0]
        for name in ["Fluidd", "OctoPi"]:
            for host in [f"{label}.local", f"{label}.lan", f"{label}.fritz.box:80", label]:
                with self.subTest(f"{name} as {host}"):
                    connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=WAIT_S)
                    connection.request("GET", "/webcam/?action=snapshot", headers={"Host": host})
                    self.assertEqual(connection.getresponse().status, 200)
                    connection.close()

    def test_no_proxy_is_refused_for_the_name_that_it_uses(self):
        self.snapshot(self.ports["Mainsail"], "/webcam/?action=snapshot")
        self.assertNotIn("refused", self.program.log)
