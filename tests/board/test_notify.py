"""What the service manager hears: the real program, a real socket. Threads are held by ptrace(2) to be hung."""

import ctypes
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from board import PROGRAM, WAIT_S, run, until

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17  # linux/ptrace.h
WALL = 0x40000000  # __WALL in linux/wait.h
libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, thread):
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


class Held:
    """A thread that does not go on, as if it hung."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self.thread)
        ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)

    def __exit__(self, *_):
        ptrace(PTRACE_DETACH, self.thread)


class Manager:
    """A service manager that has started boardcam."""

    def __init__(self, *options, watchdog_ms=None, environment=None, name=None, listens=True):
        self.folder = tempfile.TemporaryDirectory()
        name = name or f"{self.folder.name}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        variables = dict(os.environ, NOTIFY_SOCKET=name)
        if watchdog_ms:
            variables["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        variables.update(environment or {})
        command = [PROGRAM, "--listen", "127.0.0.1:0", "--size", "320x240", *(options or ["--camera", "pattern"])]
        self.log = Path(self.folder.name) / "log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stderr=log, env=variables)
        self.heard = []
        self.listening = listens
        self.reader = threading.Thread(target=self._read, daemon=True)
        if listens:
            self.reader.start()

    def _read(self):
        self.socket.settimeout(0.2)
        while self.listening:
            try:
                message = self.socket.recv(8192).decode()
            except TimeoutError:
                continue
            self.heard += [(time.monotonic(), line) for line in message.split("\n")]

    def wait_for(self, beginning, times=1):
        """Waits for this many more lines with this prefix and returns the last."""
        before = len(self.lines(beginning))
        return until(f"{beginning} from boardcam", lambda: self.lines(beginning)[before + times - 1 :])[-1]

    def lines(self, beginning, since=0.0):
        return [line for at, line in self.heard if line.startswith(beginning) and at >= since]

    def until_heard(self, beginning):
        return until(f"{beginning} from boardcam", lambda: self.lines(beginning))[-1]

    def port(self):
        found = until("its address", lambda: re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text()))
        return int(found[1])

    def thread(self, name):
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == name:
                return int(task.name)
        raise AssertionError(f"no thread {name}")

    def end(self):
        self.process.terminate()
        try:
            code = self.process.wait(WAIT_S)
        finally:
            self.process.kill()
            self.listening = False
            if self.reader.is_alive():
                self.reader.join()
            self.socket.close()
        return code


class Notify(unittest.TestCase):
    def manager(self, *options, **more):
        manager = Manager(*options, **more)
        self.addCleanup(manager.end)
        return manager

    def test_it_is_ready_when_clients_can_connect_and_not_before(self):
        manager = self.manager()
        manager.until_heard("READY=1")
        self.assertIn("listening on", manager.log.read_text())
        socket.create_connection(("127.0.0.1", manager.port()), WAIT_S).close()
        # One that cannot listen never says so.
        taken = self.manager("--camera", "pattern", "--listen", f"127.0.0.1:{manager.port()}")
        self.assertEqual(taken.process.wait(WAIT_S), 1)
        self.assertEqual(taken.lines("READY"), [])

    def test_it_reports_to_an_abstract_socket_too(self):
        self.manager(name=f"@boardcam-test-{os.getpid()}").until_heard("READY=1")

    def test_it_says_again_and_again_that_it_lives_and_how(self):
        manager = self.manager(watchdog_ms=2000)
        manager.wait_for("WATCHDOG=1", times=3)
        self.assertRegex(until("the picture", lambda: manager.lines("STATUS=camera: 320x240")[-1:])[0], r"at \d+/s$")
        self.assertEqual(manager.lines("STATUS=the event loop"), [])

    def test_a_watchdog_that_is_meant_for_another_process_hears_nothing(self):
        manager = self.manager(watchdog_ms=200, environment={"WATCHDOG_PID": "1"})
        manager.until_heard("STATUS=")
        self.assertEqual(manager.lines("WATCHDOG"), [])

    def test_a_missing_camera_is_reported_and_does_not_cause_a_restart(self):
        manager = self.manager("--camera", "/dev/video-not-here", watchdog_ms=1000)
        manager.until_heard("STATUS=camera: cannot open /dev/video-not-here")
        manager.wait_for("WATCHDOG=1", times=3)

    def test_a_hung_event_loop_is_not_alive_until_it_turns_again(self):
        manager = self.manager(watchdog_ms=2000)
        manager.wait_for("WATCHDOG=1")
        with Held(manager.process.pid):
            manager.wait_for("STATUS=the event loop hangs")
            since = time.monotonic()
            manager.wait_for("STATUS=the event loop hangs", times=4)
            self.assertEqual(manager.lines("WATCHDOG", since), [])
        manager.wait_for("WATCHDOG=1")
        self.assertIn("the event loop hangs; no longer answering the service manager", manager.log.read_text())

    def test_a_camera_that_hangs_after_it_had_delivered_is_a_reason_for_a_restart(self):
        manager = self.manager(watchdog_ms=2000)
        until("the picture", lambda: manager.lines("STATUS=camera: 320x240"))
        with Held(manager.thread("camera camera")):
            manager.wait_for("STATUS=camera hangs in its driver")
            since = time.monotonic()
            manager.wait_for("STATUS=camera hangs in its driver", times=4)
            self.assertEqual(manager.lines("WATCHDOG", since), [])
        manager.wait_for("WATCHDOG=1")

    def test_it_says_when_it_ends(self):
        manager = self.manager(watchdog_ms=2000)
        manager.until_heard("READY=1")
        manager.process.terminate()
        manager.until_heard("STOPPING=1")
        self.assertEqual(manager.process.wait(WAIT_S), 0)

    def test_a_manager_that_does_not_read_holds_nothing_up(self):
        manager = self.manager(watchdog_ms=200, listens=False)
        until("its queue to be full", lambda: "cannot notify the service manager" in manager.log.read_text())
        page = f"http://127.0.0.1:{manager.port()}/state"
        self.assertIn('"cameras"', run("curl", "-s", "-m", "20", page))
        self.assertEqual(manager.end(), 0)
