"""The Debian package: its bytes, its contents, and its life on Debian with systemd."""

import shutil
import tempfile
import unittest
from pathlib import Path

from board import BOARD, PROGRAM, debian, run

MACHINES = {"amd64": 62, "arm64": 183, "armhf": 40}
"""e_machine in ELF's header."""
FILES = {
    "etc/boardcam.toml": "-rw-r--r--",
    "usr/bin/boardcam": "-rwxr-xr-x",
    "usr/lib/systemd/system/boardcam.service": "-rw-r--r--",
    "usr/lib/udev/rules.d/70-boardcam.rules": "-rw-r--r--",
    "usr/share/bash-completion/completions/boardcam": "-rw-r--r--",
    "usr/share/doc/boardcam/README.md": "-rw-r--r--",
    "usr/share/doc/boardcam/changelog.gz": "-rw-r--r--",
    "usr/share/doc/boardcam/copyright": "-rw-r--r--",
    "usr/share/fish/vendor_completions.d/boardcam.fish": "-rw-r--r--",
    "usr/share/lintian/overrides/boardcam": "-rw-r--r--",
    "usr/share/man/man1/boardcam.1.gz": "-rw-r--r--",
    "usr/share/man/man5/boardcam.toml.5.gz": "-rw-r--r--",
    "usr/share/zsh/vendor-completions/_boardcam": "-rw-r--r--",
}


class WithFolder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    @classmethod
    def program(cls, architecture):
        """A static program for this architecture, judging by its header."""
        program = bytearray(Path(shutil.which("busybox")).read_bytes())
        program[18:20] = MACHINES[architecture].to_bytes(2, "little")
        path = cls.folder / f"program-{architecture}"
        path.write_bytes(program)
        return path

    @classmethod
    def deb(cls, program, architecture, folder="out", code=0, **variables):
        return run("env", *(f"{name}={value}" for name, value in variables.items()),
                   BOARD / "deb", program, architecture, cls.folder / folder, code=code).strip()


class Package(WithFolder):
    def test_for_each_architecture_it_holds_what_belongs_to_root(self):
        for architecture in MACHINES:
            with self.subTest(architecture=architecture):
                package = self.deb(self.program(architecture), architecture)
                self.assertEqual(run("dpkg-deb", "-f", package, "Package", "Architecture"),
                                 f"Package: boardcam\nArchitecture: {architecture}\n")
                rows = [row.split() for row in run("dpkg-deb", "-c", package).splitlines()]
                self.assertEqual({row[1] for row in rows}, {"root/root"})
                files = {row[5].removeprefix("./"): row[0] for row in rows if not row[0].startswith("d")}
                self.assertEqual(files, FILES)
                self.assertEqual(run("dpkg-deb", "-I", package, "conffiles"), "/etc/boardcam.toml\n")

    def test_the_same_files_make_the_same_bytes(self):
        program = self.program("amd64")
        other = self.folder / "elsewhere"
        shutil.copy(program, other)
        first = Path(self.deb(program, "amd64", "first", SOURCE_DATE_EPOCH=1700000000))
        second = Path(self.deb(other, "amd64", "second", SOURCE_DATE_EPOCH=1700000000, TZ="Asia/Tokyo", LC_ALL="C"))
        later = Path(self.deb(program, "amd64", "third", SOURCE_DATE_EPOCH=1700000001))
        self.assertEqual(first.read_bytes(), second.read_bytes())
        self.assertNotEqual(first.read_bytes(), later.read_bytes())

    def test_lintian_finds_no_error(self):
        told = run("lintian", "--allow-root", "--fail-on", "none", self.deb(self.program("amd64"), "amd64"))
        self.assertEqual([line for line in told.splitlines() if line.startswith("E:")], [])

    def test_a_program_for_another_processor_is_refused(self):
        self.assertIn("is not for arm64", self.deb(self.program("amd64"), "arm64", code=1))
        self.assertIn("there is no boardcam for mips", self.deb(self.program("amd64"), "mips", code=1))


class OnDebian(WithFolder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.board = debian()
        cls.addClassCleanup(cls.board.end)
        cls.board.copy(cls.deb(PROGRAM, "amd64"), "/opt/boardcam.deb")

    def setUp(self):
        self.board.run("dpkg", "-i", "/opt/boardcam.deb")

    def tearDown(self):
        self.board.run("dpkg", "--purge", "boardcam")

    def systemctl(self, *words, code=0):
        return self.board.run("systemctl", *words, "boardcam.service", code=code).strip()

    def test_installed_it_is_started_now_and_at_boot(self):
        self.assertEqual(self.systemctl("is-enabled"), "enabled")
        self.board.serves()
        self.assertEqual(self.board.run("dpkg", "-V", "boardcam"), "")

    def test_installed_again_it_runs_again(self):
        first = self.systemctl("show", "--value", "-p", "MainPID")
        self.board.run("dpkg", "-i", "/opt/boardcam.deb")
        self.board.serves()
        self.assertNotEqual(self.systemctl("show", "--value", "-p", "MainPID"), first)

    def test_it_and_the_installer_tell_of_each_other(self):
        self.board.bring()
        by_hand = ["/opt/board/install", "--binary", "/opt/boardcam"]
        self.assertIn("here as a Debian package", self.board.run(*by_hand, code=1))
        self.board.run("dpkg", "--purge", "boardcam")
        self.board.run(*by_hand)
        self.assertIn("board/install --remove", self.board.run("dpkg", "-i", "/opt/boardcam.deb"))
        self.board.run("/opt/board/install", "--remove")
        self.systemctl("enable", "--now")
        self.board.serves()
        self.assertEqual(self.systemctl("is-enabled"), "enabled")

    def test_a_service_that_was_switched_off_stays_off_after_an_upgrade(self):
        self.systemctl("disable", "--now")
        self.board.run("dpkg", "-i", "/opt/boardcam.deb")
        self.assertEqual(self.systemctl("is-enabled", code=1), "disabled")

    def test_changed_settings_stay_through_upgrade_and_removal(self):
        self.board.write("/etc/boardcam.toml", 'camera = "pattern"\n')
        self.board.run("dpkg", "-i", "/opt/boardcam.deb")
        self.assertIn("pattern", self.board.read("/etc/boardcam.toml"))
        self.board.run("dpkg", "--remove", "boardcam")
        self.assertIn("pattern", self.board.read("/etc/boardcam.toml"))

    def test_removed_it_runs_no_more_but_what_it_has_kept_stays(self):
        self.board.write("/var/lib/boardcam/kept", "")
        self.board.run("dpkg", "--remove", "boardcam")
        self.assertEqual(self.board.get("/state")[0], 0)
        for file in FILES:
            self.assertEqual(self.board.exists(f"/{file}"), file == "etc/boardcam.toml", file)
        self.assertTrue(self.board.exists("/var/lib/boardcam/kept"))

    def test_purged_nothing_is_left(self):
        self.board.write("/var/lib/boardcam/kept", "")
        self.board.run("dpkg", "--purge", "boardcam")
        left = self.board.run("find", "/etc", "/usr", "/var/lib", "/run/systemd", "-xdev", "-name", "*boardcam*")
        self.assertEqual(left, "")
