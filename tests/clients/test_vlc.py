"""VLC: what it decodes of the stream."""

import os
import subprocess
import tempfile
from pathlib import Path

import cv2

from program import HEIGHT, WIDTH, WithProgram, read_counter, until

PICTURES = 5
EVERY = 5
"""VLC keeps one picture out of this many."""
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
"""VLC refuses to be root."""


class Vlc(WithProgram):
    def test_vlc_plays_the_stream(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())  # deleted when VLC has ended
        os.chmod(folder, 0o777)
        command = ["cvlc", "--intf", "dummy", "--no-audio", "--vout", "dummy", "--no-video-title-show"]
        command += ["--video-filter", "scene", "--scene-format", "png", "--scene-path", folder]
        command += ["--scene-ratio", str(EVERY), f"{self.url}/stream"]
        who = [] if os.geteuid() else NOBODY
        environment = {**os.environ, "HOME": folder}
        player = subprocess.Popen(who + command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(player.stderr.close)
        self.addCleanup(player.wait)
        self.addCleanup(player.kill)
        until("pictures that move", lambda: player.poll() is not None or len(set(self.numbers(folder))) >= PICTURES)
        self.assertIsNone(player.poll(), "VLC ended")
        numbers = self.numbers(folder)
        self.assertEqual(numbers, sorted(numbers))

    def numbers(self, folder):
        """Of the frames that VLC has shown. It repeats some, and may still be writing the last."""
        numbers = []
        for file in sorted(Path(folder).glob("scene*.png"))[:-1]:
            picture = cv2.imread(str(file))
            self.assertEqual(picture.shape[:2], (HEIGHT, WIDTH))
            numbers.append(read_counter(picture))
        self.assertNotIn(None, numbers, "VLC shows something else")
        return numbers
