"""The card's kernel and system on QEMU's own arm64 machine, with the kernel's virtual camera and a shell."""

import os
import random
import time
import unittest

from guest import ALL, WORK, Card, run, until, virt

IDLE_S = 15


def disk(label="BOARDCAM-DATA", size=16 << 20):
    """A disk for recordings, as a user makes it."""
    file = WORK / f"disk-{label}.img"
    file.unlink(missing_ok=True)
    file.touch()
    os.truncate(file, size)
    run("mkfs.ext4", "-q", "-L", label, file)
    return file


def attached(file):
    return ["-drive", f"if=none,id=disk,format=raw,file={file}", "-device", "virtio-blk-pci,drive=disk"]


class Running(unittest.TestCase):
    """One board that is switched on for all of these."""

    @classmethod
    def setUpClass(cls):
        cls.card = Card(b'size = "320x180"\n')
        cls.newer = (WORK / "system/bin/boardcam").read_bytes() + b"newer"
        cls.card.write(cls.newer, "boardcam")
        cls.addClassCleanup(cls.card.remove)
        cls.board = virt(cls.card, *attached(disk()))
        cls.addClassCleanup(cls.board.cut_power)
        cls.network_up, _ = cls.board.says(r"network: \w+ has the address \S+")
        cls.board.picture()
        cls.first_picture = time.monotonic()

    def pid(self):
        return self.board.shell("pidof boardcam")

    def test_the_first_picture_comes_within_three_seconds_of_the_network(self):
        network, picture = (at - self.board.started for at in (self.network_up, self.first_picture))
        print(f"     network {network:.1f} s after power, first picture {picture:.1f} s", flush=True)
        # On a machine with nothing else to do the network is up within IDLE_S; on a busy one all takes longer.
        self.assertLess(picture - network, 3 * max(1, network / IDLE_S))

    def test_a_v4l2_camera_is_captured_encoded_and_served(self):
        camera = self.board.state()["cameras"][0]
        self.assertEqual((camera["state"], camera["device"]["driver"]), ("live", "vivid"))
        self.assertEqual((camera["format"]["width"], camera["format"]["height"]), (320, 180))
        self.assertEqual(len(set(self.board.frames(5))), 5, "the pictures do not move")

    def test_killed_it_is_started_again(self):
        for number in (15, 9):
            with self.subTest(signal=number):
                first = self.pid()
                self.assertRegex(first, r"^\d+$")
                self.board.shell(f"kill -{number} {first}")
                until("another process", lambda: self.pid() not in ("", first))
                self.board.picture()

    def test_a_cable_that_was_pulled_out_may_come_back(self):
        self.board.picture()
        self.board.monitor("set_link net off")
        until("the cable to be out", lambda: self.board.get("/state", timeout=3)[0] == 0)
        self.board.monitor("set_link net on")
        self.board.picture()

    def test_recordings_have_a_disk_with_a_journal(self):
        mounted = until("the disk", lambda: self.board.shell("grep ' /data ext4 ' /proc/mounts"))
        self.assertRegex(mounted, r"rw,nosuid,nodev,noexec,noatime")
        self.assertEqual(self.board.shell("ls -d /data/boardcam"), "/data/boardcam")

    def test_a_full_disk_for_recordings_disturbs_nothing(self):
        until("the disk", lambda: self.board.shell("grep ' /data ext4 ' /proc/mounts"))
        self.assertIn("No space left", self.board.shell("dd if=/dev/zero of=/data/fill bs=64k"))
        first = self.pid()
        self.board.picture()
        self.board.shell("rm /data/fill")
        self.assertEqual(self.pid(), first)

    def test_nothing_of_the_card_is_mounted_and_memory_alone_is_written_to(self):
        mounts = self.board.shell("cat /proc/mounts")
        self.assertNotIn("vfat", mounts)
        self.assertNotIn("/card", mounts)
        self.assertTrue(self.card.unchanged())

    def test_a_newer_boardcam_on_the_card_is_the_one_that_runs(self):
        self.assertEqual(self.board.shell("wc -c < /bin/boardcam"), str(len(self.newer)))

    def test_the_screen_shows_the_address(self):
        until("the address", lambda: "Open http://10.0.2.15/ in" in self.board.screen())

    def test_the_rest_of_the_system_runs(self):
        processes = self.board.shell("ps")
        for name in ["syslogd", "klogd", "uevent", "/etc/network", "/etc/data", "udhcpc", "chronyd"]:
            self.assertIn(name, processes)
        self.assertIn("nameserver 10.0.2.3", self.board.shell("cat /etc/resolv.conf"))
        self.assertEqual(self.board.shell("hostname"), "boardcam")
        self.assertGreaterEqual(int(self.board.shell("date +%s")), int(self.board.shell("cat /etc/built")))


class Mistakes(unittest.TestCase):
    """Settings that are wrong, and other things that are missing at the start."""

    def board(self, settings, *devices, newer=None, **options):
        card = Card(settings)
        self.addCleanup(card.remove)
        if newer:
            card.write(newer, "boardcam")
        board = virt(card, *devices, **options)
        self.addCleanup(board.cut_power)
        return board

    def test_a_mistake_in_the_settings_leaves_the_defaults_and_is_told_everywhere(self):
        half = (WORK / "system/bin/boardcam").read_bytes()[: 1 << 20]
        board = self.board(b'camera = "pattern"\r\nqualty = 85\r\nwifi.name = "home"\r\n', newer=half)
        board.says("the boardcam on the card does not run")
        told = r"line 2 of the settings file boardcam\.toml"
        board.says(told)
        state = board.state()
        self.assertRegex(state["program"]["problem"]["what"], told)
        self.assertIn("did you mean quality?", state["program"]["problem"]["advice"])
        self.assertEqual(state["cameras"][0]["source"], "auto")
        self.assertIn("ssid=686f6d65", board.shell("cat /run/wpa_supplicant.conf"))
        until("the mistake on the screen", lambda: "line 2 of the settings file" in board.screen())

    @unittest.skipUnless(ALL, "takes long; --all")
    def test_settings_that_are_empty_missing_or_a_gigabyte_long(self):
        for name, settings in {"empty": b"", "long": b"#" * (1 << 20)}.items():
            with self.subTest(settings=name):
                board = self.board(settings)
                problem = board.state()["program"]["problem"]
                self.assertEqual(problem and problem["why"], None if name == "empty" else "it is larger than 65536 bytes")
                board.picture()
                board.cut_power()

    def test_without_a_network_it_waits_for_one(self):
        board = self.board(b'camera = "pattern"\n', network="")
        board.says(r"boardcam.* listening on")


class PowerCuts(unittest.TestCase):
    def test_cut_at_any_moment_it_starts_again_from_an_unchanged_card(self):
        card = Card(b'camera = "pattern"\nsize = "320x240"\n')
        self.addCleanup(card.remove)
        data = disk("BOARDCAM-DATA")
        chance = random.Random(os.environ.get("IMAGE_SEED"))
        for cut in range(5):
            board = virt(card, *attached(data))
            moment = chance.uniform(1, 20)
            print(f"     cut {cut + 1} after {moment:.1f} s", flush=True)
            time.sleep(moment)
            board.cut_power()
            self.assertTrue(card.unchanged(), f"the card was written to within {moment:.1f} s")
        board = virt(card, *attached(data))
        self.addCleanup(board.cut_power)
        board.picture()
        until("the disk", lambda: board.shell("grep ' /data ext4 ' /proc/mounts"))
