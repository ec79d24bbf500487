"""A camera that shows an empty room, or somebody who walks through it again and again."""

import subprocess
import tempfile
from pathlib import Path

STEPS = 24
SCRIPT = f"""#!/bin/sh
cd "$(dirname "$0")" || exit
step=0
while :; do
    case $(cat mode) in
    walks) step=$((step % {STEPS} + 1)); cat "$step.jpg" ;;
    *) cat empty.jpg ;;
    esac || exit
    sleep 0.1
done
"""


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


class Room:
    def __init__(self, test):
        """Until the end of this class of tests."""
        folder = tempfile.TemporaryDirectory()
        test.addClassCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        wall = ["-f", "lavfi", "-i", "smptehdbars=s=640x480:r=10,eq=contrast=0.3"]
        ffmpeg(*wall, "-frames:v", 1, "-q:v", 3, self.folder / "empty.jpg")
        person = ["-f", "lavfi", "-i", "color=white:s=110x210:r=10", "-filter_complex", "overlay=x=24*n-20:y=260"]
        ffmpeg(*wall, *person, "-frames:v", STEPS, "-q:v", 3, self.folder / "%d.jpg")
        self.does("empty")
        script = self.folder / "room"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        self.camera = f"pipe:{script}"

    def does(self, mode):
        """`empty` or `walks`."""
        (self.folder / "mode.new").write_text(mode)
        (self.folder / "mode.new").rename(self.folder / "mode")
