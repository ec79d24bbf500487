"""The installer on systems that do not run, and its choice of the program."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

from board import BOARD, run

TARGETS = [
    # e_machine in ELF's header, what uname says, the target
    (183, "aarch64", "aarch64-unknown-linux-musl"),
    (40, "aarch64", "armv7-unknown-linux-musleabihf"),  # a 32-bit system on a 64-bit kernel
    (40, "armv7l", "armv7-unknown-linux-musleabihf"),
    (40, "armv6l", "arm-unknown-linux-musleabihf"),
    (62, "x86_64", "x86_64-unknown-linux-musl"),
]
UNIT = "etc/systemd/system/boardcam.service"
LINK = "etc/systemd/system/multi-user.target.wants/boardcam.service"
PROGRAM = "usr/local/bin/boardcam"
MANUALS = {
    "man/boardcam.1": "usr/local/share/man/man1/boardcam.1",
    "man/boardcam.toml.5": "usr/local/share/man/man5/boardcam.toml.5",
    "completions/boardcam.bash": "usr/local/share/bash-completion/completions/boardcam",
    "completions/_boardcam": "usr/local/share/zsh/site-functions/_boardcam",
    "completions/boardcam.fish": "usr/local/share/fish/vendor_completions.d/boardcam.fish",
}


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "card"
        for name in ("etc/init.d", "bin", "usr/lib/systemd"):
            (self.root / name).mkdir(parents=True)
        self.system(62)
        for _, _, target in TARGETS:
            program = self.folder / "target" / target / "release/boardcam"
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(target)
        (self.folder / "uname").write_text('#!/bin/sh\necho "$PROCESSOR"\n')
        (self.folder / "uname").chmod(0o755)

    def system(self, machine):
        """Makes it one for this machine, with systemd."""
        (self.root / "bin/sh").write_bytes(b"\x7fELF".ljust(18, b"\0") + machine.to_bytes(2, "little"))
        shutil.copy("/bin/true", self.root / "usr/lib/systemd/systemd")

    def install(self, *options, processor="x86_64", code=0):
        environment = dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}", PROCESSOR=processor)
        options = options or ("--binary", self.folder / "target")
        return run(BOARD / "install", *options, "--root", self.root, code=code, env=environment)

    def files(self):
        return {str(file.relative_to(self.root)) for file in self.root.rglob("*") if not file.is_dir()}

    def test_each_board_gets_its_program(self):
        for machine, processor, target in TARGETS:
            with self.subTest(processor=processor, machine=machine):
                self.system(machine)
                self.install(processor=processor)
                self.assertEqual((self.root / PROGRAM).read_text(), target)

    def test_a_board_without_a_program_for_it_is_reported(self):
        self.system(8)
        self.assertIn("there is no boardcam for a mips", self.install(processor="mips", code=1))

    def test_onto_a_mounted_card_it_is_installed_twice_and_removed_without_a_trace(self):
        before = self.files()
        self.assertEqual(self.install(), "")
        self.assertEqual(self.install(), "")
        self.assertEqual(os.readlink(self.root / LINK), f"/{UNIT}")
        for name in (UNIT, "etc/udev/rules.d/70-boardcam.rules", "etc/boardcam.toml"):
            self.assertEqual((self.root / name).read_text(), (BOARD / Path(name).name).read_text())
            self.assertEqual((self.root / name).stat().st_mode & 0o777, 0o644)
        for name, place in MANUALS.items():
            self.assertEqual((self.root / place).read_text(), (BOARD / name).read_text())
        self.install("--remove")
        self.assertEqual(self.files(), before)

    def test_a_card_with_busybox_gets_the_init_script_alone(self):
        (self.root / "usr/lib/systemd/systemd").unlink()
        before = self.files()
        self.install()
        self.assertEqual(self.files() - before, {"etc/init.d/S50boardcam", "etc/boardcam.toml", PROGRAM})
        self.assertEqual((self.root / "etc/init.d/S50boardcam").stat().st_mode & 0o777, 0o755)
        self.install("--remove")
        self.assertEqual(self.files(), before)

    def test_what_is_impossible_is_reported_and_changes_nothing(self):
        before = self.files()
        self.assertIn("usage: board/install", self.install("--no-such-thing", code=2))
        self.assertIn("usage: board/install", self.install("--binary", code=2))
        self.assertIn("there is no /no/such/program", self.install("--binary", "/no/such/program", code=1))
        self.assertIn("usage: board/install", run(BOARD / "install", "--root", self.root, "pi@board", code=2))
        self.assertIn("there is no system in /no/such", run(BOARD / "install", "--root", "/no/such", code=1))
        self.assertEqual(self.files(), before)
