"""OpenCV's VideoCapture, as in thousands of small scripts."""

from opencv import reads_moving_frames
from program import WithProgram


class OpenCv(WithProgram):
    def test_videocapture_reads_moving_frames(self):
        reads_moving_frames(self, self.url + "/video_feed")
