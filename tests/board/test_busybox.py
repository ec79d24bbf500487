"""The init script and the installer on a board that has BusyBox and nothing else."""

import re
import signal
import time
import unittest

from board import PROGRAM, busybox, until
from kept import Keeps

SCRIPT = "/etc/init.d/S50boardcam"
PIDS = ["/var/run/boardcam.pid", "/var/run/boardcam-supervisor.pid"]
DIES = "#!/bin/sh\n[ \"$1\" != --version ] || exit 0\n[ \"$3\" != check ] || exit 0\necho >> /tmp/starts\nexit 7\n"
STUBBORN = "#!/bin/sh\n[ \"$3\" != check ] || exit 0\ntrap '' TERM\nwhile :; do sleep 1; done\n"


class Busybox(Keeps, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.board = busybox()
        cls.addClassCleanup(cls.board.end)
        cls.board.bring()
        until("the base system", lambda: cls.board.exists("/var/log/messages"))
        cls.install()

    @classmethod
    def install(cls):
        return cls.board.run("/opt/board/install", "--binary", "/opt/boardcam")

    def setUp(self):
        self.script("stop")
        self.board.copy(PROGRAM, "/usr/local/bin/boardcam")
        self.settings('camera = "pattern"\nsize = "320x240"\n')
        self.board.write("/var/log/messages", "")

    def settings(self, text):
        self.board.write("/etc/boardcam.toml", text)

    def start_anew(self):
        self.script("restart")

    def end(self):
        self.script("stop")

    def script(self, *words, code=0):
        return self.board.run(SCRIPT, *words, code=code)

    def log(self):
        return self.board.read("/var/log/messages")

    def pid(self):
        """The program's number in the container."""
        found = re.search(r"runs as process (\d+)", self.script("status", code=None))
        return found and found[1]

    def kill(self, pid, number=signal.SIGKILL):
        self.board.run("kill", f"-{int(number)}", pid)

    def test_started_it_serves_has_a_folder_to_record_into_and_status_says_so(self):
        self.board.run("rm", "-rf", self.place)
        self.script("status", code=3)
        self.assertIn("boardcam started", self.script("start"))
        self.assertTrue(self.pid())
        self.assertEqual(self.board.run("stat", "-c", "%a", self.place).strip(), "700")
        self.board.serves()
        until("its log in syslog", lambda: "boardcam 0" in self.log() and "listening on" in self.log())

    def test_killed_it_comes_back(self):
        self.script("start")
        first = self.pid()
        self.board.serves()
        self.kill(first)
        second = until("another process", lambda: self.pid() not in (None, first) and self.pid())
        self.assertNotEqual(first, second)
        self.board.serves()
        self.assertRegex(self.log(), r"boardcam ended after \d+ s with code 137; starting it again in 1 s")

    def test_it_stops_within_two_seconds_and_stopping_again_does_no_harm(self):
        self.script("start")
        self.board.serves()
        begin = time.monotonic()
        self.assertIn("boardcam stopped", self.script("stop"))
        self.assertLess(time.monotonic() - begin, 2)
        self.assertIn("boardcam stopped", self.script("stop"))
        self.script("status", code=3)
        self.assertFalse(any(self.board.exists(file) for file in PIDS))
        self.assertNotIn("boardcam", self.board.run("ps"))
        self.assertNotIn("starting it again", self.log())

    def test_starting_twice_leaves_one(self):
        self.script("start")
        first = self.pid()
        self.assertIn("runs already", self.script("start"))
        self.assertEqual(first, self.pid())
        self.assertEqual(len(re.findall(r"boardcam-supervisor", self.board.run("ps"))), 1)

    def test_two_starts_at_once_leave_one(self):
        self.board.run("sh", "-c", f"{SCRIPT} start & {SCRIPT} start & wait")
        self.board.serves()
        self.assertEqual(len(re.findall(r"boardcam-supervisor", self.board.run("ps"))), 1)
        self.assertEqual(len(re.findall(r" boardcam --config", self.board.run("ps"))), 1)

    def test_restarted_it_is_another_process(self):
        self.script("start")
        first = self.pid()
        self.script("restart")
        self.assertNotIn(self.pid(), (None, first))
        self.board.serves()

    def test_numbers_left_by_a_power_cut_mislead_nobody(self):
        # Those of processes that are something else now, of none, and no numbers.
        for left in ("1\n", "999999\n", "", "x;reboot\n"):
            with self.subTest(left=left):
                for file in PIDS:
                    self.board.write(file, left)
                self.script("status", code=1)
                self.script("start")
                self.board.serves()
                self.script("stop")

    def test_a_program_whose_supervisor_was_killed_is_replaced_and_stopped(self):
        for word in ("start", "stop"):
            with self.subTest(word=word):
                self.script("start")
                first = self.pid()
                supervisor = self.board.read(PIDS[1]).strip()
                self.kill(supervisor)
                until("its end", lambda: not self.board.exists(f"/proc/{supervisor}"))
                self.script(word)
                self.assertNotEqual(first, self.pid())
                self.assertEqual(word == "start", bool(self.pid()))

    def test_a_program_that_dies_at_once_is_started_again_after_growing_pauses(self):
        self.board.write("/usr/local/bin/boardcam", DIES, 0o755)
        self.board.write("/tmp/starts", "")
        self.script("start")
        until("four ends", lambda: "in 8 s" in self.log())
        pauses = re.findall(r"with code 7; starting it again in (\d+) s", self.log())
        self.assertEqual(pauses, ["1", "2", "4", "8"])
        self.assertEqual(self.board.read("/tmp/starts"), "\n" * 4)
        self.script("status", code=1)
        begin = time.monotonic()
        self.script("stop")
        self.assertLess(time.monotonic() - begin, 2, "it waits for the pause to end")

    def test_a_program_that_does_not_end_is_killed(self):
        self.board.write("/usr/local/bin/boardcam", STUBBORN, 0o755)
        self.script("start")
        stubborn = self.pid()
        self.script("stop")
        self.script("status", code=3)
        self.assertNotIn(f"{stubborn} ", [line.split("root")[0].strip() for line in self.board.run("ps").split("\n")])

    def test_a_mistake_in_the_settings_is_reported_at_once_and_later_in_the_log(self):
        self.board.write("/etc/boardcam.toml", 'camera = "pattern"\nsise = "1x1"\n')
        told = self.script("start", code=6)
        self.assertIn("line 2 of the settings file /etc/boardcam.toml", told)
        self.script("status", code=3)
        self.board.write("/etc/boardcam.toml", 'camera = "pattern"\n')
        self.script("start")
        self.board.write("/etc/boardcam.toml", 'quality = 101\n')
        self.kill(self.pid())
        until("the mistake in the log", lambda: "line 1 of the settings file" in self.log())

    def test_without_settings_it_starts_with_defaults(self):
        self.board.run("rm", "/etc/boardcam.toml")
        self.script("start")
        self.board.serves()

    def test_it_keeps_things_in_one_place_whoever_starts_it_unless_its_defaults_name_another(self):
        defaults = "/etc/default/boardcam"
        self.addCleanup(self.board.run, "rm", "-rf", defaults, "/opt/mine", "/opt/theirs")
        self.board.run("mkdir", "-p", "/opt/mine", "/opt/theirs")
        self.settings('camera = "pattern"\ntls = "auto"\n')
        for text, place in {"": self.place, "STATE_DIRECTORY=/opt/theirs\n": "/opt/theirs"}.items():
            with self.subTest(place=place):
                self.board.write(defaults, f"options='--config /etc/boardcam.toml'\n{text}")
                self.board.run("rm", "-rf", self.place)
                self.board.run("env", "XDG_STATE_HOME=/opt/mine", "STATE_DIRECTORY=/opt/mine", SCRIPT, "start")
                until("the certificate", lambda: self.board.exists(f"{place}/https.pem"))
                self.script("stop")
        self.assertEqual(self.board.run("ls", "/opt/mine"), "")
        self.assertEqual(self.board.run("stat", "-c", "%a", "/var/lib").strip(), "755")

    def test_other_arguments_are_answered_with_the_usage(self):
        self.assertIn("start|stop|restart|status", self.script("reload", code=2))

    def test_it_is_started_at_boot_and_stopped_at_the_end(self):
        self.board.run("/etc/init.d/rcS")
        self.board.serves()
        self.board.run("/etc/init.d/rcK")
        self.script("status", code=3)

    def test_installed_again_it_runs_and_settings_stay(self):
        self.script("start")
        first = self.pid()
        self.assertIn("boardcam runs", self.install())
        self.assertNotIn(self.pid(), (None, first))
        self.assertIn("320x240", self.board.read("/etc/boardcam.toml"))

    def test_a_program_that_does_not_run_here_replaces_none(self):
        self.script("start")
        first = self.pid()
        self.board.write("/opt/broken", "no program", 0o755)
        told = self.board.run("/opt/board/install", "--binary", "/opt/broken", code=1)
        self.assertIn("/opt/broken does not run here", told)
        self.assertEqual(self.pid(), first)
        self.script("restart")
        self.board.serves()
        self.assertFalse(self.board.exists("/usr/local/bin/boardcam.new"))

    def test_removed_it_is_gone_but_changed_settings_stay(self):
        self.script("start")
        try:
            told = self.board.run("/opt/board/install", "--remove")
            self.assertIn("/etc/boardcam.toml was changed and stays", told)
            self.board.run("rm", "/etc/boardcam.toml")
            for file in [SCRIPT, "/usr/local/bin/boardcam", *PIDS]:
                self.assertFalse(self.board.exists(file), file)
            self.assertNotIn("boardcam", self.board.run("ps"))
            self.board.run("/opt/board/install", "--remove")
            self.install()
            self.board.run("/opt/board/install", "--remove")
            self.assertFalse(self.board.exists("/etc/boardcam.toml"), "settings that nobody changed")
        finally:
            self.install()
