"""What every check with OpenCV's VideoCapture does, whatever the address."""

import cv2

from program import HEIGHT, WIDTH, read_counter

FRAMES = 30


def reads_moving_frames(test, url):
    """Lets `test` fail unless a VideoCapture reads consecutive frames of the test pattern from `url`."""
    capture = cv2.VideoCapture(url)
    test.addCleanup(capture.release)
    test.assertTrue(capture.isOpened())
    numbers = []
    for _ in range(FRAMES):
        good, frame = capture.read()
        test.assertTrue(good, f"no more after {len(numbers)} frames")
        test.assertEqual(frame.shape, (HEIGHT, WIDTH, 3))
        numbers.append(read_counter(frame))
    test.assertNotIn(None, numbers, "a frame without a counter")
    test.assertEqual(numbers, sorted(set(numbers)), "frames repeat or go back")
