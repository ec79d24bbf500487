"""The card as it is flashed: what is on it, and a Raspberry Pi 3 that starts from it."""

import os
import struct
import subprocess
import unittest

from guest import CARD, IMAGE, REPO, WORK, Card, await_network, digest, pi3, run, until

PROGRAM = os.environ["BOARDCAM_ARM64"]

# Saved by Notepad on Windows as "Unicode", with its line ends.
SETTINGS = """\
wifi.name = "Zoë's"
wifi.key = "correct horse"

name = "garden"
size = "320x240"
fps = 5

[[camera]]
name = "test"
source = "pattern"

[[camera]]
name = "plugged-in"
""".replace("\n", "\r\n").encode("utf-16")


class Card_(unittest.TestCase):
    def test_it_is_small_and_a_pis_boot_rom_finds_its_files(self):
        self.assertLess(CARD.stat().st_size, 64_000_000)
        with CARD.open("rb") as image:
            sector = image.read(512)
        kind, start, sectors = struct.unpack("<4xB3xII", sector[446:462])
        self.assertEqual(sector[510:], b"\x55\xaa")
        self.assertEqual((kind, start * 512), (0x0C, IMAGE.PARTITION_START))
        self.assertEqual((start + sectors) * 512, CARD.stat().st_size)
        listed = run("mdir", "-b", "-i", f"{CARD}@@{IMAGE.PARTITION_START}", "::").decode().split()
        settings = run("mtype", "-i", f"{CARD}@@{IMAGE.PARTITION_START}", "::config.txt").decode()
        named = [line.split("=")[1] for line in settings.splitlines() if line.startswith("kernel=")]
        named += [line.split()[1] for line in settings.splitlines() if line.startswith("initramfs ")]
        for name in [*named, "bootcode.bin", "start_x.elf", "fixup_x.dat", "start4x.elf", "fixup4x.dat", "cmdline.txt",
                     "boardcam.toml", "bcm2837-rpi-3-b.dtb", "bcm2837-rpi-3-b-plus.dtb", "bcm2837-rpi-zero-2-w.dtb",
                     "bcm2711-rpi-4-b.dtb"]:
            self.assertIn(f"::/{name}", listed)

    def test_the_same_packages_make_the_same_bytes(self):
        again = WORK / "again.img"
        run(REPO / "board/image", "--binary", PROGRAM, "--output", again)
        self.assertEqual(digest(again), digest(CARD))
        again.unlink()

    def test_its_scripts_have_no_mistakes_that_shellcheck_knows(self):
        scripts = [file for file in (REPO / "board/card/root").rglob("*")
                   if file.is_file() and file.read_bytes().startswith(b"#!")]
        self.assertGreater(len(scripts), 5)
        told = subprocess.run(["shellcheck", *scripts], stdout=subprocess.PIPE, text=True)
        self.assertEqual(told.stdout, "")

    def test_the_settings_on_it_are_right_and_all_commented(self):
        settings = WORK / "settings.toml"
        settings.write_bytes(run("mtype", "-i", f"{CARD}@@{IMAGE.PARTITION_START}", "::boardcam.toml"))
        text = settings.read_text()
        self.assertFalse([line for line in text.splitlines() if line and not line.startswith("#")])
        check = ["qemu-aarch64-static", PROGRAM, "--config", settings, "check"]
        run(*check)
        # With the # taken away, too.
        lines = text.split("#[[camera]]")[0].splitlines()
        settings.write_text("\n".join(line[1:] for line in lines if line.startswith(("#wifi.", "#fps"))))
        told = run(*check).decode()
        self.assertIn('[wifi]\nname = "my network"', told)


class FromCardToPicture(unittest.TestCase):
    """The four steps of docs/board.md, but for the Pi's own firmware: the image is written onto a card, the settings on it
    are edited, the board is switched on, a browser shows the picture."""

    def test_flashed_edited_and_switched_on_a_pi_3_shows_the_picture_and_writes_nothing(self):
        card = Card()
        self.addCleanup(card.remove)
        card.write(SETTINGS)
        pi = pi3(card)
        self.addCleanup(pi.cut_power)
        await_network(pi)
        state = pi.state()
        test, plugged_in = state["cameras"]
        self.assertEqual((test["name"], test["source"]), ("test", "pattern"))
        frames = pi.frames(3)
        self.assertEqual(len(set(frames)), 3, "the pictures do not move")
        for frame in frames:
            self.assertEqual((frame[:3], frame[-2:]), (b"\xff\xd8\xff", b"\xff\xd9"))
        # The camera that is not there, and what is said of camera modules.
        problem = until("the search to end", lambda: pi.state()["cameras"][1]["problem"])
        self.assertEqual(problem["what"], "no camera found")
        self.assertIn("use Raspberry Pi OS with --camera rpicam for them", problem["advice"])
        self.assertIn(b"<html", pi.get("/")[1])
        pi.cut_power()
        self.assertTrue(card.unchanged(), "the card was written to")
