"""ffmpeg and ffprobe, and with them the players and recorders built on them."""

import json
import subprocess

from program import HEIGHT, WAIT_S, WIDTH, WithProgram

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
