"""checks.py FOLDER [--workers N] [NAME...]: runs the checks of a folder (those of test_NAME.py) and counts them.

Started by the folder's `run`, which prepares what they need. With several workers each file's checks are one process,
and what it printed is shown when it has ended.
"""

import argparse
import re
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOTAL = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


class Lines(unittest.TestResult):
    """Prints one line for each check, in the words of its name."""

    passed = 0
    started = time.monotonic()

    def __init__(self):
        super().__init__()
        self.failed = set()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def line(self, word, test):
        what = test.id().rsplit(".", 1)[-1].removeprefix("test_").replace("_", " ")
        print(f"{word:4} {what} ({time.monotonic() - self.started:.1f} s)", flush=True)

    def fail(self, test, error, part=""):
        self.failed.add(test.id())
        self.line("FAIL", test)
        text = part + self._exc_info_to_string(error, test)
        print("".join(f"     {line}\n" for line in text.splitlines()), flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.line("ok", test)

    def addFailure(self, test, error):
        self.fail(test, error)

    def addError(self, test, error):
        self.fail(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skip", test)
        print(f"     {reason}", flush=True)

    def addSubTest(self, test, subtest, error):
        if error:
            self.fail(test, error, f"with {subtest._subDescription()}\n")


def run_here(folder, names):
    """Runs the checks in this process; returns how many passed, failed and were skipped."""
    result = Lines()
    for name in names or ["*"]:
        unittest.TestLoader().discover(str(folder), f"test_{name}.py").run(result)
    return result.passed, len(result.failed), len(result.skipped)


def run_in_workers(folder, names, workers):
    """The same, each file in a process of its own, with this many at a time."""
    files = [file for name in names or ["*"] for file in folder.glob(f"test_{name}.py")]
    # The largest files take longest: they go first, so that nothing long is left for the end.
    files.sort(key=lambda file: file.stat().st_size, reverse=True)
    printing = threading.Lock()

    def run_file(file):
        name = file.stem.removeprefix("test_")
        started = time.monotonic()
        command = [sys.executable, __file__, str(folder), name]
        output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).stdout
        *lines, last = output.decode(errors="replace").strip().splitlines() or [""]
        total = TOTAL.match(last)
        with printing:
            print(f"-- {name} ({time.monotonic() - started:.0f} s)", *lines, sep="\n")
            if not total:
                print(last, f"FAIL {name} ended without a result", sep="\n")
            sys.stdout.flush()
        return [int(number or 0) for number in total.groups()] if total else [0, 1, 0]

    with ThreadPoolExecutor(workers) as pool:
        totals = list(pool.map(run_file, files))
    return [sum(column) for column in zip(*totals)] if totals else [0, 0, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args()
    folder = wanted.folder.resolve()
    sys.path[:0] = [str(folder), str(Path(__file__).parent)]
    if wanted.workers > 1:
        passed, failed, skipped = run_in_workers(folder, wanted.names, wanted.workers)
    else:
        passed, failed, skipped = run_here(folder, wanted.names)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    # A run without any check is not a success.
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
