"""Recordings that are played, to clients of live streams: ffprobe, ffmpeg and OpenCV, to the end."""

import json
import subprocess
import unittest
import urllib.request

import cv2
import numpy

from program import HEIGHT, WAIT_S, WIDTH, read_counter, until
from test_recording import Recorder, ask, quietly, times


def decode(url):
    """The number of frames that ffmpeg decodes to the end. It complains of nothing but the end of the connection, which is
    how a stream without a length ends."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    known = ("Stream ends prematurely", "Input/output error")
    complaints = [line for line in done.stderr.splitlines() if not any(end in line for end in known)]
    assert (done.returncode, complaints) == (0, []), (url, done.returncode, done.stderr)
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


class Cleanups:
    """What a Recorder needs of a test, for a whole class."""

    def __init__(self, tests):
        self.addCleanup = tests.addClassCleanup


class Players(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recorder = Recorder(Cleanups(cls), size=(WIDTH, HEIGHT))
        cls.file = cls.recorder.record_one(90)
        cls.times = times(cls.file)
        listed = until("it to be listed", cls.listed)
        cls.url = cls.recorder.program.url + listed["url"]
        cls.duration = listed["duration_s"]

    @classmethod
    def listed(cls):
        found = ask(cls.recorder.program, "/api/recordings")["recordings"]
        return found and found[0]["duration_s"] and found[0]

    def test_the_list_says_the_duration_that_ffprobe_finds(self):
        self.assertAlmostEqual(self.duration, self.times[-1], delta=0.002)

    def test_ffprobe_recognizes_it(self):
        entries = "stream=codec_name,width,height:format=format_name"
        told = json.loads(quietly("ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", self.url + "/stream"))
        self.assertEqual(told["format"], {"format_name": "mpjpeg"})
        self.assertEqual(told["streams"], [{"codec_name": "mjpeg", "width": WIDTH, "height": HEIGHT}])

    def test_ffmpeg_decodes_all_of_it_and_ends(self):
        frames = decode(self.url + "/stream")
        self.assertGreater(frames, len(self.times) * 0.8)
        self.assertLessEqual(frames, len(self.times))
        half = decode(f"{self.url}/stream?start={self.duration / 2:.3f}&size=320x240")
        self.assertAlmostEqual(half, len(self.times) / 2, delta=len(self.times) * 0.2)

    def test_videocapture_reads_it_to_its_end(self):
        capture = cv2.VideoCapture(self.url + "/stream?speed=2")
        self.addClassCleanup(capture.release)
        numbers = []
        while (read := capture.read())[0]:
            self.assertEqual(read[1].shape, (HEIGHT, WIDTH, 3))
            numbers.append(read_counter(read[1]))
        self.assertGreater(len(numbers), len(self.times) / 4)
        self.assertNotIn(None, numbers, "a frame without a counter")
        self.assertEqual(numbers, sorted(set(numbers)), "frames repeat or go back")

    def test_a_single_frame_is_a_picture(self):
        for query, size in [("at=1", (WIDTH, HEIGHT)), ("at=1&size=160x120", (160, 120))]:
            with urllib.request.urlopen(f"{self.url}/frame?{query}", timeout=WAIT_S) as answer:
                jpeg = answer.read()
                self.assertLess(abs(float(answer.headers["Boardcam-At"]) - 1), 0.2)
            height, width, _ = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR).shape
            self.assertEqual((width, height), size)
