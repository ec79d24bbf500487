"""Recordings as MOV and MP4: what ffprobe, ffmpeg, VLC and Chromium make of them."""

import json
import os
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from browser import WithBrowser
from program import WAIT_S, until
from test_recording import Recorder, ask, await_frames, decode, probe, quietly, times
from test_vlc import NOBODY

FORMATS = ["mov", "mp4"]


def digests(source, *before):
    """What ffmpeg decodes, frame by frame, without a complaint."""
    told = quietly("ffmpeg", "-nostdin", "-v", "error", *before, "-i", source, "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return [line.split(",")[-1].strip() for line in told.splitlines() if not line.startswith("#")]


def shown_near(test, ours, theirs):
    test.assertEqual(len(ours), len(theirs))
    for own, other in zip(ours, theirs):
        test.assertAlmostEqual(own, other, delta=0.0011)


def recorded(test, frames=60):
    """A recorder, a closed file, and its URL."""
    recorder = Recorder(test)
    file = recorder.record_one(frames)
    until("it to be listed", lambda: ask(recorder.program, "/api/recordings")["bytes"] == file.stat().st_size)
    return recorder, file, f"{recorder.program.url}/api/recordings/{file.name}"


class Downloads(unittest.TestCase):
    def test_ffmpeg_finds_the_same_frames_at_the_same_times_as_in_the_recording(self):
        _, file, url = recorded(self)
        expected, shown = digests(file), times(file)
        for format in FORMATS:
            with self.subTest(format=format):
                made = f"{url}?format={format}"
                told = probe(made, "stream=codec_name,width,height,nb_frames:format=format_name,duration")
                self.assertEqual(told["format"]["format_name"], "mov,mp4,m4a,3gp,3g2,mj2")
                stream = {"codec_name": "mjpeg", "width": 320, "height": 240, "nb_frames": str(len(shown))}
                self.assertEqual(told["streams"], [stream])
                shown_near(self, times(made), shown)
                self.assertEqual(digests(made), expected)
                # The last frame has a time of its own.
                last = shown[-1] - shown[-2]
                self.assertAlmostEqual(float(told["format"]["duration"]), shown[-1] + last, delta=0.003)
                # Seeking, by byte ranges.
                middle = shown[-1] / 2
                behind = sum(at >= middle for at in shown)
                self.assertAlmostEqual(decode(made, "-ss", f"{middle:.3f}"), behind, delta=1)

    def test_a_cut_is_that_part_of_the_recording(self):
        _, file, url = recorded(self)
        expected, shown = digests(file), times(file)
        begin, end = shown[10] + 0.001, shown[30]
        for format in FORMATS:
            with self.subTest(format=format):
                made = f"{url}?format={format}&from={begin:.3f}&to={end:.3f}"
                self.assertEqual(digests(made), expected[10:30])
                shown_near(self, times(made), [at - shown[10] for at in shown[10:30]])

    def test_a_recording_that_was_cut_off_by_a_power_failure_is_decoded_to_its_last_frame(self):
        recorder = Recorder(self, None, "--record", "always")
        await_frames(recorder.program, 60)
        recorder.program.kill()
        file = recorder.files()[0]
        again = Recorder(self, recorder.folder)
        until("it to be listed", lambda: ask(again.program, "/api/recordings")["recordings"])
        for format in FORMATS:
            made = f"{again.program.url}/api/recordings/{file.name}?format={format}"
            self.assertEqual(digests(made), digests(file))

    def test_vlc_plays_both(self):
        _, file, url = recorded(self)
        for format in FORMATS:
            with self.subTest(format=format), tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o777)
                copy = Path(folder) / f"copy.{format}"
                with urllib.request.urlopen(f"{url}?format={format}", timeout=WAIT_S) as answer:
                    copy.write_bytes(answer.read())
                os.chmod(copy, 0o644)
                command = ["cvlc", "--intf", "dummy", "--no-audio", "--vout", "dummy", "--no-video-title-show"]
                command += ["--play-and-exit", "--video-filter", "scene", "--scene-format", "png"]
                command += ["--scene-path", folder, "--scene-ratio", "5", str(copy)]
                who = [] if os.geteuid() else NOBODY
                environment = {**os.environ, "HOME": folder}
                done = subprocess.run(who + command, env=environment, capture_output=True, timeout=WAIT_S)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreater(len([*Path(folder).glob("scene*.png")]), 3, done.stderr)


class Browser(WithBrowser):
    def test_chromium_does_not_play_jpeg_in_these_files_and_says_so(self):
        # docs/recording.md says so too; when this fails, Chromium has learned it.
        _, _, url = recorded(self)
        self.browser.get("about:blank")  # the page itself allows no videos
        told = {}
        for format in FORMATS:
            self.browser.set_script_timeout(WAIT_S)
            told[format] = self.browser.execute_async_script(
                """
                const [url, done] = arguments, video = document.createElement("video");
                video.onerror = () => done("error " + video.error.code);
                video.onloadeddata = () => done("plays");
                video.muted = true;
                video.src = url;
                """,
                f"{url}?format={format}",
            )
        NOT_SUPPORTED = "error 4"
        self.assertEqual(told, dict.fromkeys(FORMATS, NOT_SUPPORTED), json.dumps(told))


if __name__ == "__main__":
    unittest.main()
