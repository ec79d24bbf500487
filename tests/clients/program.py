"""The program under test, and what every check needs to know of its answers."""

import os
import re
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import numpy

import common

OUT = Path(os.environ["CLIENTS_OUT"])
WIDTH, HEIGHT, FPS = 640, 480, 30
STREAMS = ["/stream", "/video_feed", "/stream.mjpg", "/?action=stream", "/cameras/camera/stream"]
SNAPSHOTS = ["/snapshot", "/snapshot.jpg", "/?action=snapshot", "/cameras/camera/snapshot"]
EVERY_ADDRESS = ["0.0.0.0", "[::]"]
START_S = 20
"""How long the program may take to listen."""
STOP_S = 10
"""How long it may take to end on SIGTERM, on a busy machine."""
WAIT_S = 60
"""How long anything else may take before a check gives up; generous, for slow machines."""


until = common.waits(WAIT_S)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_S).close()
        return True
    except ConnectionRefusedError:
        return False


class Program:
    """A running boardcam, by default with the test pattern; `by` is a command that runs it."""

    def __init__(self, *cameras, address="127.0.0.1", port=0, size=(WIDTH, HEIGHT), fps=FPS, options=(), by=(), state=None):
        command = [*by, os.environ["BOARDCAM_BIN"], "--listen", f"{address}:{port}"]
        shown = "localhost" if address in EVERY_ADDRESS else address
        self.listening = re.compile(rf"listening on (http://{re.escape(shown)}:(\d+))/")
        for camera in cameras or ["pattern"]:
            command += ["--camera", camera]
        command += ["--size", f"{size[0]}x{size[1]}", "--fps", str(fps), "--log", "stderr", *options]
        # Where it keeps what must outlive it; by default a folder that ends with it, so that it finds nothing of others.
        self.own_state = tempfile.TemporaryDirectory() if state is None and "STATE_DIRECTORY" not in os.environ else None
        state = state or (self.own_state and self.own_state.name)
        kept = {"STATE_DIRECTORY": str(state)} if state else {}
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, errors="replace", env={**os.environ, **kept}
        )
        self.log = ""
        self.url = self.port = None
        self.heard = threading.Event()
        self.reader = common.LineReader(self.process.stderr, self._hear, at_end=self.heard.set)
        if not self.heard.wait(START_S) or self.port is None:
            self.kill()
            raise AssertionError(f"boardcam did not say where it listens; see {OUT}/boardcam.log")
        # Until a camera has delivered, its snapshots are answered with 503; one that is opened on demand is not opened yet.
        patterns = "--on-demand" not in options and sum(camera.endswith("pattern") for camera in cameras or ["pattern"])
        until("a first picture of each pattern", lambda: self.log.count(": opened ") >= patterns)

    def _hear(self, line):
        with open(OUT / "boardcam.log", "a") as log:
            log.write(line)
        self.log += line
        found = self.listening.search(line)
        if found and self.port is None:
            self.url, self.port = found[1], int(found[2])
            self.heard.set()

    def running(self):
        return self.process.poll() is None

    def kill(self):
        """Ends it as a power cut would."""
        self.process.kill()
        self._ended()

    def stop(self):
        """Ends it as a service manager would; it must have lived until then and end well."""
        if not self.running():
            raise AssertionError(f"boardcam ended by itself with {self.process.returncode}; see {OUT}/boardcam.log")
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        finally:
            self.kill()
        if code != 0:
            raise AssertionError(f"boardcam ended with {code} on SIGTERM")

    def _ended(self):
        self.process.wait()
        self.reader.join()
        if self.own_state:
            self.own_state.cleanup()


class WithProgram(unittest.TestCase):
    """Checks that share one running program."""

    fps = FPS

    @classmethod
    def make_program(cls):
        return Program(fps=cls.fps)

    @classmethod
    def setUpClass(cls):
        cls.program = cls.make_program()
        cls.addClassCleanup(cls.program.stop)
        cls.url = cls.program.url


class Parts:
    """Reads a live stream from a binary file and checks every byte around the frames."""

    taken = None
    """When the last frame was captured, in seconds since 1970."""

    def __init__(self, file):
        self.file = file
        self.head = self._lines()
        content_type = self.headers(self.head[1:])["content-type"]
        kind, boundary = content_type.split(";boundary=")
        assert kind == "multipart/x-mixed-replace", content_type
        assert boundary and not boundary.startswith("-") and '"' not in boundary, content_type
        self.boundary = b"--" + boundary.encode() + b"\r\n"
        first = file.read(len(self.boundary))
        assert first == self.boundary, f"the body begins with {first}"

    def _lines(self):
        lines = []
        while True:
            line = self.file.readline()
            assert line.endswith(b"\r\n"), f"the stream ended in a head, at {line}"
            if line == b"\r\n":
                return [line.decode("latin-1") for line in lines]
            lines.append(line[:-2])

    @staticmethod
    def headers(lines):
        return {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}

    def next(self):
        """The next frame."""
        headers = self.headers(self._lines())
        assert headers["content-type"] == "image/jpeg", headers
        length = int(headers["content-length"])
        self.taken = float(headers["x-timestamp"])
        jpeg = self.file.read(length)
        assert len(jpeg) == length, f"the stream ended after {len(jpeg)} of {length} bytes"
        check_jpeg(jpeg)
        trailer = self.file.read(2 + len(self.boundary))
        assert trailer == b"\r\n" + self.boundary, f"a frame is followed by {trailer}"
        return jpeg


def check_jpeg(data):
    assert data[:2] == b"\xff\xd8", f"a JPEG begins with {data[:2].hex()}"
    assert data[-2:] == b"\xff\xd9", f"a JPEG ends with {data[-2:].hex()}"


CELLS, ROWS, UNIT, CHECK = 16, 3, 16, 0xA5A5
"""The counter in the test pattern, in the upper left corner: see src/camera/pattern.rs."""


def read_counter(picture):
    """The frame number in a picture of the test pattern (rows of pixels, any channels); None if there is none."""
    grey = numpy.asarray(picture, dtype=float)
    if grey.ndim == 3:
        grey = grey[:, :, :3].mean(axis=2)
    height, width = grey.shape
    # The side of a cell grows with the picture; the check finds out which it is.
    for side in range(UNIT, min(height // ROWS, width // CELLS) + 1, UNIT):
        number = _read_cells(grey, side)
        if number is not None:
            return number
    return None


def _read_cells(grey, side):
    rows = []
    for y in range(ROWS):
        bits = 0
        for x in range(CELLS):
            # The middle of the cell: its edges may be blurred.
            top, left = y * side + side // 4, x * side + side // 4
            mean = grey[top : top + side // 2, left : left + side // 2].mean()
            if 80 < mean < 170:
                return None
            bits = bits << 1 | int(mean >= 170)
        rows.append(bits)
    upper, lower, check = rows
    return upper << 16 | lower if check == upper ^ lower ^ CHECK else None
