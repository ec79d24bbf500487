"""main.py FOLDER [NAME...]: runs the checks in a folder and counts them. Started by its `run`, which prepares them."""

import sys
import time
import unittest
from pathlib import Path


class Lines(unittest.TestResult):
    """One line a check, named as a user would say it."""

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


def main():
    here = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(here))
    result = Lines()
    for name in sys.argv[2:] or ["*"]:
        unittest.TestLoader().discover(str(here), f"test_{name}.py").run(result)
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"{result.passed} passed, {len(result.failed)} failed{skipped}")
    # Nothing run is no success.
    return 0 if result.passed and not result.failed else 1


sys.exit(main())
