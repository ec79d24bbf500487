"""ffmpeg and ffprobe, and with them the players and recorders built on them."""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from program import HEIGHT, WAIT_S, WIDTH, Parts, Program, WithProgram, until
from recipes import BOARD, snippet

FRAMES = 30


class Ffmpeg(WithProgram):
    def quietly(self, *command):
        """What a command prints; it must not complain."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_ffprobe_recognizes_the_stream(self):
        for path in ["/stream", "/video_feed"]:
            with self.subTest(path):
                entries = "stream=codec_name,width,height:format=format_name"
                told = self.quietly("ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", self.url + path)
                told = json.loads(told)
                self.assertEqual(told["format"], {"format_name": "mpjpeg"})
                self.assertEqual(told["streams"], [{"codec_name": "mjpeg", "width": WIDTH, "height": HEIGHT}])

    def test_ffmpeg_decodes_the_stream_without_a_complaint(self):
        for path in ["/stream", "/video_feed"]:
            with self.subTest(path):
                told = self.quietly(
                    *["ffmpeg", "-nostdin", "-v", "warning", "-i", self.url + path],
                    *["-frames:v", str(FRAMES), "-fps_mode", "passthrough", "-f", "framemd5", "-"],
                ).splitlines()
                self.assertIn(f"#dimensions 0: {WIDTH}x{HEIGHT}", told)
                sums = [line.split(",")[5] for line in told if not line.startswith("#")]
                self.assertEqual(len(sums), FRAMES)
                self.assertEqual(len(set(sums)), FRAMES, "frames repeat")


class OwnRate(WithProgram):
    """A camera whose rate is not the 25 that ffmpeg assumes; with the recipe for that."""

    fps = 10

    def recipe(self, name):
        return shlex.split(snippet("sh", name).replace(BOARD, self.url))

    def test_what_ffmpeg_records_lasts_as_long_as_it_did(self):
        command = self.recipe("players")
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/{command.pop()}"
            quiet = ["-nostdin", "-v", "error", "-frames:v", str(FRAMES)]
            subprocess.run([*command, *quiet, file], check=True, timeout=WAIT_S)
            told = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file]
            lasts = float(subprocess.run(told, capture_output=True, text=True, check=True, timeout=WAIT_S).stdout)
        # Later on a busy machine, never sooner; at 25 frames a second it would be 1.2 s.
        self.assertGreater(lasts, 0.8 * FRAMES / self.fps)

    def test_opencv_tells_when_frames_came(self):
        name, options = self.recipe("players-opencv")[1].split("=")
        script = "import cv2, sys; capture = cv2.VideoCapture(sys.argv[1]); "
        script += f"[capture.grab() for _ in range({FRAMES})]; print(capture.get(cv2.CAP_PROP_POS_MSEC))"
        command = [sys.executable, "-c", script, self.url + "/stream"]
        environment = {**os.environ, name: options}
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_S, env=environment)
        self.assertGreater(float(done.stdout), 800 * FRAMES / self.fps)


class FfmpegAsCamera(unittest.TestCase):
    def test_pictures_that_ffmpeg_writes_reach_a_viewer_byte_for_byte_and_ffmpeg_ends_with_us(self):
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "written"
            source = f"testsrc2=size={WIDTH}x{HEIGHT}:rate=25"
            program = Program(f"pipe:ffmpeg -nostdin -v error -re -f lavfi -i {source} -f mjpeg - | tee {written}")
            try:
                with socket.create_connection(("127.0.0.1", program.port), WAIT_S) as connection:
                    connection.sendall(b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    with connection.makefile("rb") as file:
                        parts = Parts(file)
                        # Before the first picture there may be the card.
                        until("a picture", lambda: parts.next() in written.read_bytes())
                        seen = [parts.next() for _ in range(FRAMES)]
                self.assertEqual(len(set(seen)), FRAMES, "frames repeat")

                def places():
                    everything = written.read_bytes()
                    return [everything.find(jpeg) for jpeg in seen]

                # tee writes to the pipe first, so the newest may not be in the file yet.
                until("all of them in the file", lambda: -1 not in places())
                self.assertEqual(places(), sorted(places()))
            finally:
                program.stop()
            # ffmpeg and tee have their command lines in /proc for as long as they live.
            until("ffmpeg and tee to be gone", lambda: not any(self.mentions(written)))

    @staticmethod
    def mentions(path):
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                yield str(path).encode() in process.read_bytes()
            except OSError:
                pass  # it ended just now
