"""OpenCV's VideoCapture, as in thousands of small scripts."""

import cv2

from program import HEIGHT, WIDTH, WithProgram, read_counter

FRAMES = 30


class OpenCv(WithProgram):
    def test_videocapture_reads_moving_frames(self):
        capture = cv2.VideoCapture(self.url + "/video_feed")
        self.addCleanup(capture.release)
        self.assertTrue(capture.isOpened())
        numbers = []
        for _ in range(FRAMES):
            good, frame = capture.read()
            self.assertTrue(good, f"no more after {len(numbers)} frames")
            self.assertEqual(frame.shape, (HEIGHT, WIDTH, 3))
            numbers.append(read_counter(frame))
        self.assertNotIn(None, numbers, "a frame without a counter")
        self.assertEqual(numbers, sorted(set(numbers)), "frames repeat or go back")
