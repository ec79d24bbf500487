"""What every check through a proxy needs."""

import os
import subprocess
import tempfile
from pathlib import Path

from program import listens, until

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""


def nginx_command(folder, http):
    """Writes nginx's settings into this folder, with `http` in their http block; the command that runs it."""
    settings = Path(folder, "nginx.conf")
    settings.write_text(NGINX.format(folder=folder, http=http))
    return [os.environ["NGINX_BIN"], "-p", folder, "-e", f"{folder}/error.log", "-c", settings]


def start_nginx(cleanup, http, port, log):
    """Runs nginx until `cleanup` ends it, with a server in `http` that listens on this port."""
    folder = tempfile.TemporaryDirectory()
    cleanup(folder.cleanup)
    with open(log, "w") as file:
        proxy = subprocess.Popen(nginx_command(folder.name, http), stderr=file)
    cleanup(proxy.wait)
    cleanup(proxy.terminate)
    until("nginx listens", lambda: proxy.poll() is None and listens(port))


class Unchunked:
    """The body of an answer that a proxy may have cut into chunks (RFC 9112 section 7.1), behind its head."""

    def __init__(self, file):
        self.file = file
        self.head, chunked = [], False
        while True:
            line = file.readline()
            chunked |= line.lower().replace(b" ", b"").startswith(b"transfer-encoding:chunked")
            self.head.append(line)
            if line in (b"\r\n", b""):
                break
        self.chunked, self.left = chunked, b""

    def fill(self):
        if not self.chunked:
            return self.file.readline()
        size = int(self.file.readline().split(b";")[0], 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def readline(self):
        if self.head:
            return self.head.pop(0)
        while b"\n" not in self.left:
            more = self.fill()
            if not more:
                break
            self.left += more
        line, end, self.left = self.left.partition(b"\n")
        return line + end

    def read(self, length):
        while len(self.left) < length:
            more = self.fill()
            if not more:
                break
            self.left += more
        data, self.left = self.left[:length], self.left[length:]
        return data
