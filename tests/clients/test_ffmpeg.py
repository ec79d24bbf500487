"""ffmpeg and ffprobe, and with them the players and recorders built on them."""

import json
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import HEIGHT, WAIT_S, WIDTH, Parts, Program, WithProgram, until

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
                everything = written.read_bytes()
                places = [everything.find(jpeg) for jpeg in seen]
                self.assertNotIn(-1, places)
                self.assertEqual(places, sorted(places))
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
