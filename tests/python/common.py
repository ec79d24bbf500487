"""What the checks of clients, boards and the card image all use: waiting, ports, and a program that is being watched."""

import socket
import subprocess
import threading
import time


def until(what, condition, seconds):
    """Waits until `condition` returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def waits(seconds):
    """An `until` with this patience, for a suite's own."""

    def patient(what, condition, seconds=seconds):
        return until(what, condition, seconds)

    patient.__doc__ = until.__doc__
    return patient


def free_port():
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LineReader:
    """The lines that a process writes, read to the end so that it never waits for room in the pipe.

    `each` is called with every line and `at_end` when there are no more, in the reader's thread.
    """

    def __init__(self, stream, each, at_end=lambda: None):
        self.stream = stream
        self.each = each
        self.at_end = at_end
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.stream:
                self.each(line)
        finally:
            self.at_end()

    def join(self):
        self.thread.join()
        self.stream.close()


def end(process, seconds):
    """Ends a process as a service manager does: politely, then for certain. Returns its exit code."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return process.returncode
