"""Containers that are boards, and what every check needs."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import common

REPO = Path(__file__).parent.parent.parent
BOARD = REPO / "board"
PROGRAM = Path(os.environ["BOARDCAM_BIN"])
WORK = Path(os.environ["BOARD_WORK"])
DEBIAN = Path(os.environ["BOARD_DEBIAN"])
BUSYBOX = Path(os.environ["BOARD_BUSYBOX"])
WAIT_S = 90
"""How long anything may take before a check gives up; generous, for slow machines."""


until = common.waits(WAIT_S)


def run(*command, code=0, **options):
    """Runs a command to its end, which must be with `code` (any if None); gives what it printed."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        timeout=WAIT_S * 2, **({"stdin": subprocess.DEVNULL} if "input" not in options else {}), **options,
    )
    assert code is None or done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


class Container:
    """A booted tree."""

    def __init__(self, tree, *init):
        self.folder = Path(tempfile.mkdtemp(prefix="container-", dir=WORK))
        unified = run("findmnt", "-t", "cgroup2", "-n", "-o", "TARGET").split()[0]
        self.cgroup = Path(unified) / f"boardcam-{self.folder.name}"
        self.cgroup.mkdir()
        self.process = subprocess.Popen(
            [str(Path(__file__).parent / "container"), str(tree), str(self.folder), str(self.cgroup), *init],
            stdin=subprocess.DEVNULL,
        )
        try:
            self.init = until("the container's init", self._init)
        except BaseException:
            self.end()
            raise
        self.root = Path(f"/proc/{self.init}/root")

    def _init(self):
        assert self.process.poll() is None, "the container does not boot"
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        # Its command line is that of a shell until everything is mounted.
        if children and Path(f"/proc/{children[0]}/comm").read_text().strip() in ("systemd", "busybox"):
            return int(children[0])
        return None

    def run(self, *command, **options):
        """Runs a command in it."""
        return run("nsenter", "-t", self.init, "-m", "-p", "-n", "-i", "-u", "-C", "-r", "-w", *command, **options)

    def in_network(self, *command, **options):
        """Runs a command of this machine in its network."""
        return run("nsenter", "-t", self.init, "-n", *command, **options)

    def get(self, path, port=8080, *options, scheme="http"):
        """What boardcam answers, with further options for curl, as (status, body); (0, "") if nobody does."""
        url = f"{scheme}://127.0.0.1:{port}{path}"
        answer = self.in_network("curl", "-s", "-m", "20", "-w", "\n%{http_code}", *options, url, code=None)
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def state(self):
        status, body = self.get("/state")
        assert status == 200, status
        return json.loads(body)

    def serves(self, port=8080):
        return until(f"an answer on port {port}", lambda: self.get("/state", port)[0] == 200)

    def copy(self, file, place, mode=0o755):
        """Puts a file of this machine into it."""
        there = self.root / place.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        # A link of the container may lead elsewhere here.
        shutil.copyfile(file, there)
        there.chmod(mode)

    def write(self, place, text, mode=0o644):
        there = self.root / place.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)
        there.chmod(mode)

    def read(self, place):
        return (self.root / place.lstrip("/")).read_text(errors="replace")

    def exists(self, place):
        there = self.root / place.lstrip("/")
        return there.exists() or there.is_symlink()

    def bring(self):
        """Puts what a user has at hand into it: the folder board, and the program."""
        manuals = [str(file.relative_to(BOARD)) for name in ("man", "completions") for file in (BOARD / name).iterdir()]
        for file in ["install", "S50boardcam", "boardcam.service", "70-boardcam.rules", "boardcam.toml", *manuals]:
            self.copy(BOARD / file, f"/opt/board/{file}", (BOARD / file).stat().st_mode & 0o777)
        self.copy(PROGRAM, "/opt/boardcam")

    def end(self):
        """Switches it off as a power cut does."""
        (self.cgroup / "cgroup.kill").write_text("1")
        self.process.wait()

        def removed():
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    return False
            return True

        until("the end of its processes", removed)
        shutil.rmtree(self.folder)


def debian():
    """Debian with systemd, up."""
    container = Container(DEBIAN, "/lib/systemd/systemd")
    states = ("running", "degraded")
    until("systemd to be up", lambda: container.run("systemctl", "is-system-running", code=None).strip() in states)
    return container


def busybox():
    """BusyBox alone."""
    return Container(BUSYBOX, "/bin/busybox", "init")
