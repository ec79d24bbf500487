"""The card's kernel and system on QEMU's own arm64 machine, with the kernel's virtual camera and a shell."""

import os
import random
import re
import time
import unittest

from guest import IN_IT, OTHER_NETWORK, WORK, Card, LargeCard, run, until, virt
from ntp import TimeServer

IDLE_S = 15

RECORDING = b'record-folder = "/data/boardcam"\nrecord-min-free = 1\n'

# A second board: a network namespace at the end of a virtual cable.
SECOND_BOARD = f"""\
modprobe veth
ip link add cable type veth
{OTHER_NETWORK}
ip link set veth0 netns $!
for name in lo veth0; do {IN_IT} ip link set $name up; done
{IN_IT} ip addr add 192.168.78.2/24 dev veth0
until [ "$(cat /run/carrier-cable)" = 1 ] && [ -e /run/dhcp-cable.pid ]; do usleep 100000; done
{IN_IT} boardcam --appliance --camera pattern --size 320x180 > /dev/null 2>&1 &
echo $! > /run/second
"""
# The card's own network script asks for an address at this end of the cable, and forgets the one that was there each
# time; so each check gives it one first.
THIS_END = "ip addr add 192.168.78.1/24 dev cable 2> /dev/null"


def finders(screen):
    """Where on a screen the three marks are that a phone finds a QR code by: row and column, in modules."""
    shapes = {0xDC: (False, True), 0xDF: (True, False), 0xDB: (True, True)}
    halves = [[shapes.get(byte, (False, False)) for byte in line] for line in screen]
    dark = [[cell[half] for cell in line] for line in halves for half in (0, 1)]
    mark = [[max(abs(x - 3), abs(y - 3)) != 2 for x in range(7)] for y in range(7)]
    places = [(y, x) for y in range(len(dark) - 6) for x in range(len(dark[0]) - 6)]
    return [(y, x) for y, x in places if [line[x : x + 7] for line in dark[y : y + 7]] == mark]


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
        cls.card = Card(b'size = "320x180"\n' + RECORDING)
        cls.newer = (WORK / "system/bin/boardcam").read_bytes() + b"newer"
        cls.card.write(cls.newer, "boardcam")
        cls.addClassCleanup(cls.card.remove)
        cls.board = virt(cls.card, *attached(disk()), camera=True)
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

    def test_a_full_disk_for_recordings_is_reported_and_disturbs_nothing(self):
        recording = lambda: self.board.state()["cameras"][0]["recording"]
        until("the disk", lambda: self.board.shell("grep ' /data ext4 ' /proc/mounts"))
        first = self.pid()
        self.assertEqual(self.board.get("/api/recording", post={"on": True})[0], 200)
        until("recorded frames", lambda: recording()["frames"])
        self.assertIn("No space left", self.board.shell("dd if=/dev/zero of=/data/fill bs=64k"))
        until("the full disk to be told", lambda: recording()["problem"])
        self.board.picture()
        self.board.shell("rm /data/fill")
        before = recording()["frames"]
        until("more recorded frames", lambda: recording()["frames"] > before)
        self.assertEqual(self.board.get("/api/recording", post={"on": False})[0], 200)
        self.assertEqual(self.pid(), first)

    def test_nothing_of_the_card_is_mounted_and_memory_alone_is_written_to(self):
        mounts = self.board.shell("cat /proc/mounts")
        self.assertNotIn("vfat", mounts)
        self.assertNotIn("/card", mounts)
        self.assertTrue(self.card.unchanged())

    def test_a_newer_boardcam_on_the_card_is_the_one_that_runs(self):
        self.assertEqual(self.board.shell("wc -c < /bin/boardcam"), str(len(self.newer)))

    def test_the_screen_shows_the_address_and_its_qr_code(self):
        until("the address", lambda: "Open http://10.0.2.15/ in" in self.board.screen_text())

        def whole():
            # There may be an older code above, if another address came first, and this one may be half drawn.
            marks = finders(self.board.screen())[-3:]
            if len(marks) < 3:
                return False
            (top, left), right, below = marks
            return (right[0], below[1], right[1] - left) == (top, left, below[0] - top)

        until("a whole code", whole)

    def test_a_second_board_in_the_network_is_boardcam_2(self):
        until("a name", lambda: self.board.state()["network"]["name"] == "boardcam.local")
        end = 'kill $(cat /run/second /run/other); while [ -e "/proc/$(cat /run/second)" ]; do usleep 100000; done'
        self.addCleanup(self.board.shell, end)
        self.board.shell(SECOND_BOARD)
        fetch = f"{THIS_END}; {IN_IT} wget -q -O - http://127.0.0.1/state"
        there = lambda: re.search(r'"network":{[^}]*"name":"([^"]*)"', self.board.shell(fetch))
        # This one asks again, too, since it has a new address.
        until("a name for each", lambda: {found[1] if (found := there()) else "", self.board.state()["network"]["name"]}
              == {"boardcam.local", "boardcam-2.local"})

    def test_the_time_comes_from_the_servers_that_the_network_names(self):
        server = TimeServer()
        self.addCleanup(server.close)
        self.board.shell("date -s 2000-01-01")
        lease = "interface=eth0 ip=10.0.2.15 mask=24 router=10.0.2.2 dns=10.0.2.3"  # as udhcpc reports it
        self.board.shell(f"{lease} ntpsrv=10.0.2.2 /etc/address bound")
        until("the time", lambda: abs(int(self.board.shell("date +%s")) - time.time()) < 60)
        self.assertGreater(server.asked, 0)

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

    def test_a_mistake_in_the_settings_leaves_the_defaults_and_is_reported_everywhere(self):
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
        until("the mistake on the screen", lambda: "line 2 of the settings file" in board.screen_text())


class SettingsFiles(unittest.TestCase):
    """One board on whose card the settings are edited again and again."""

    SMALL = 'camera = "pattern"\nsize = "320x180"\n'

    @classmethod
    def setUpClass(cls):
        cls.card = LargeCard()
        cls.addClassCleanup(cls.card.remove)
        cls.board = virt(cls.card)
        cls.addClassCleanup(cls.board.cut_power)
        # It is switched on without a network cable, and with a settings file of a gigabyte.
        cls.board.monitor("set_link net off")
        cls.board.says(r"boardcam.* listening on")
        cls.without_cable = cls.board.text()
        cls.board.monitor("set_link net on")
        cls.with_a_gigabyte = cls.board.state()
        cls.taken = cls.board.shell("wc -c < /boardcam.toml")

    def state_with(self, settings):
        """/state after a start with these settings."""
        if settings is None:
            run("mdel", "-i", self.card.fat, "::boardcam.toml")
        else:
            self.card.put(settings, "boardcam.toml")
        self.board.shell("rm /boardcam.toml; /etc/settings; /etc/init.d/S50boardcam restart")
        return self.board.state()

    def problem_with(self, settings):
        """What it says of them while it runs with the defaults; there is no camera."""
        state = self.state_with(settings)
        until("the drawn card", lambda: self.board.get("/snapshot?card=1")[1].startswith(b"\xff\xd8\xff"))
        self.assertEqual(state["cameras"][0]["source"], "auto")
        problem = state["program"]["problem"]
        return problem and " ".join(problem[part] for part in ["what", "why", "advice"])

    def test_with_the_cable_unplugged_it_waits_for_the_network(self):
        self.assertNotIn("has the address", self.without_cable)
        self.state_with(self.SMALL.encode())
        self.board.picture()

    def test_settings_of_a_gigabyte_are_reported(self):
        self.assertIn("larger than 65536 bytes", self.with_a_gigabyte["program"]["problem"]["why"])
        self.assertEqual(self.with_a_gigabyte["cameras"][0]["source"], "auto")
        self.assertEqual(self.taken, "65537")

    def test_missing_settings_are_reported_and_empty_ones_are_right(self):
        self.assertIsNone(self.problem_with(b""))
        self.assertIn("no such file", self.problem_with(None))

    def test_settings_are_read_as_windows_saves_them(self):
        text = self.SMALL.replace("\n", "\r\n")
        for settings in [text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")]:
            with self.subTest(settings=settings[:4]):
                state = self.state_with(settings)
                self.assertIsNone(state["program"]["problem"])
                self.assertEqual(state["cameras"][0]["source"], "pattern")
                self.board.picture()
                self.assertEqual(self.board.state()["cameras"][0]["format"]["width"], 320)

    def test_settings_that_are_not_text_or_have_a_mistake_are_reported(self):
        self.assertIn("UTF-8", self.problem_with(random.Random(5).randbytes(5000)))
        self.assertIn("line 3", self.problem_with(f"{self.SMALL}fsp = 5\n".replace("\n", "\r\n").encode()))

    def test_a_missing_disk_for_recordings_is_reported_and_the_picture_stays(self):
        state = self.state_with(self.SMALL.encode() + RECORDING + b'record = "always"\n')
        problem = until("the problem", lambda: self.board.state()["cameras"][0]["recording"]["problem"])
        self.assertIn("/data/boardcam", " ".join(problem[part] for part in ["what", "why", "advice"]))
        self.assertIsNone(state["program"]["problem"])
        self.board.picture()


class PowerCuts(unittest.TestCase):
    def test_cut_at_any_moment_it_starts_again_from_an_unchanged_card_and_hung_it_restarts(self):
        card = Card(b'camera = "pattern"\nsize = "320x240"\nfps = 5\nrecord = "always"\n' + RECORDING)
        self.addCleanup(card.remove)
        devices = [*attached(disk("BOARDCAM-DATA", 64 << 20)), "-device", "i6300esb"]
        recording = lambda: board.state()["cameras"][0]["recording"]
        chance = random.Random(os.environ.get("IMAGE_SEED"))
        cuts = 5
        for cut in range(1, cuts + 1):
            board = virt(card, *devices)
            self.addCleanup(board.cut_power)
            moment, since = chance.uniform(1, 20), "power"
            if cut == cuts:  # the last one while it records
                until("recorded frames", lambda: recording()["frames"])
                name = recording()["file"]
                moment, since = chance.uniform(2, 6), "the first recorded frame"
            print(f"     cut {cut} after {moment:.1f} s from {since}", flush=True)
            time.sleep(moment)
            board.cut_power()
            self.assertTrue(card.unchanged(), f"the card was written to within {moment:.1f} s")
        board = virt(card, *devices)
        self.addCleanup(board.cut_power)
        board.picture()
        until("the disk", lambda: board.shell("grep ' /data ext4 ' /proc/mounts"))
        self.assertGreater(int(board.shell(f"wc -c < /data/boardcam/{name}")), 0, "what was recorded before is lost")
        until("boardcam to keep its things there",
              lambda: board.shell('grep -c STATE_DIRECTORY "/proc/$(pidof boardcam)/environ"') == "1")
        # And it hangs: nothing feeds the watchdog any more.
        before = len(board.console)
        board.shell('kill -STOP "$(pidof watchdog)"')
        board.says(r"network: \w+ has the address", after=before)
        board.picture()
