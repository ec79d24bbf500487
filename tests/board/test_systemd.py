"""The unit and the installer on Debian with systemd as the first process; over ssh, too."""

import os
import re
import signal
import subprocess
import time
import unittest

from board import BOARD, PROGRAM, debian, run, until
from kept import AS_ANNA, HTTPS, Keeps

PIPES = "pipe:" in run(PROGRAM, "--help")
"""Whether this boardcam takes pictures from other programs."""

# As rpicam-vid does: JPEGs on standard output, for ever. Before, it tries what it may and may not.
STAND_IN = """#!/bin/sh
try() { if told=$("$@" 2>&1); then echo "may $*" >&2; else echo "may not $*: $told" >&2; fi; }
try touch /var/lib/boardcam/kept
try touch /etc/written
try touch /usr/written
try ls /home/somebody
try ls /root
try head -c 1 /dev/video9
try head -c 1 /dev/fuse
try head -c 1 /dev/kmsg
try renice -n 5 $$
try renice -n -5 $$
try ionice -c 3 true
try chrt --batch 0 true
try taskset -c 0 true
try chown 0 /var/lib/boardcam/kept
try kill -0 1
while cat /opt/frame.jpg; do sleep 0.1; done
"""

BOARD_IP, PHONE_IP = "10.78.0.1", "10.78.0.2"

# Asks for the address of a name, over and over (RFC 6762), and ends well when somebody has said the right one.
QUESTION = """
import socket, sys, time
own, name, right = sys.argv[1:]
mdns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mdns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
mdns.bind(("", 5353))
group = socket.inet_aton("224.0.0.251")
mdns.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton(own))
mdns.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
mdns.settimeout(1)
labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + bytes(1)
end = time.monotonic() + 60
while time.monotonic() < end:
    mdns.sendto(bytes([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + labels + bytes([0, 1, 0, 1]), ("224.0.0.251", 5353))
    try:
        answer, (sender, _) = mdns.recvfrom(9000)
    except TimeoutError:
        continue
    if sender == right and labels[:-1] in answer and socket.inet_aton(right) in answer:
        sys.exit()
sys.exit("nobody said where " + name + " is")
"""


class Systemd(Keeps, unittest.TestCase):
    place = "/var/lib/private/boardcam"

    @classmethod
    def setUpClass(cls):
        cls.board = debian()
        cls.addClassCleanup(cls.board.end)
        cls.board.bring()
        cls.settings()
        cls.install()

    @classmethod
    def install(cls):
        return cls.board.run("/opt/board/install", "--binary", "/opt/boardcam")

    @classmethod
    def settings(cls, text='camera = "pattern"\nsize = "320x240"\n'):
        cls.board.write("/etc/boardcam.toml", text)

    def setUp(self):
        self.settings()
        if not self.board.exists("/etc/systemd/system/boardcam.service"):
            self.install()
        self.systemctl("restart")

    def systemctl(self, word, code=0):
        return self.board.run("systemctl", word, "boardcam.service", code=code).strip()

    def start_anew(self):
        self.systemctl("restart")

    def end(self):
        self.systemctl("stop")

    def show(self, name):
        return self.board.run("systemctl", "show", "--value", "--property", name, "boardcam.service").strip()

    def pid(self):
        """The main process, by its number in the container; 0 if there is none."""
        return int(self.show("MainPID"))

    def process(self, file):
        return self.board.read(f"/proc/{self.pid()}/{file}")

    def journal(self, *options):
        return self.board.run("journalctl", "--no-pager", "--unit", "boardcam.service", "-o", "cat", *options)

    def test_started_it_is_ready_serves_and_is_started_at_boot(self):
        self.assertEqual(self.systemctl("is-active"), "active")
        self.assertEqual(self.board.get("/state")[0], 200, "ready, but nobody can connect")
        self.assertEqual(self.systemctl("is-enabled"), "enabled")
        until("the status", lambda: re.search(r"camera: 320x240 at \d+/s", self.show("StatusText")))

    def test_it_runs_as_nobody_in_particular_with_one_capability(self):
        status = dict(line.split(":\t", 1) for line in self.process("status").splitlines() if ":\t" in line)
        self.assertNotIn("0", status["Uid"].split())
        video = re.search(r"^video:\w*:(\d+):", self.board.read("/etc/group"), re.M)[1]
        self.assertIn(video, status["Groups"].split())
        net_bind_service = f"{1 << 10:016x}"
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(status[kind], net_bind_service, kind)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        owner = self.board.run("stat", "-Lc", "%u", "/var/lib/boardcam/").strip()
        self.assertEqual(owner, status["Uid"].split()[0])

    def test_it_can_serve_on_port_80(self):
        self.settings('camera = "pattern"\nlisten = "[::]:80"\n')
        self.systemctl("restart")
        self.board.serves(port=80)

    def test_its_log_is_in_the_journal_each_line_with_its_level(self):
        self.settings('camera = "/dev/video-not-here"\n')
        self.systemctl("restart")
        until("the warning", lambda: "cannot open /dev/video-not-here" in self.journal("-p", "warning"))
        self.assertIn("listening on", self.journal())
        self.assertNotIn("listening on", self.journal("-p", "warning"))

    def test_killed_it_comes_back(self):
        first = self.pid()
        self.board.run("kill", "-9", str(first))
        until("another process", lambda: self.pid() not in (0, first))
        self.board.serves()

    def test_hung_it_is_restarted_by_the_watchdog(self):
        first = self.pid()
        self.board.run("kill", f"-{int(signal.SIGSTOP)}", str(first))
        until("another process", lambda: self.pid() not in (0, first))
        self.board.serves()
        self.assertIn("Watchdog timeout", self.journal())

    def test_stopped_it_ends_by_itself_and_soon(self):
        until("the status", lambda: self.show("StatusText"))
        begin = time.monotonic()
        self.systemctl("stop")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual((self.show("Result"), self.show("ExecMainStatus")), ("success", "0"))

    def test_a_mistake_in_the_settings_is_in_the_journal_and_mended_it_starts_by_itself(self):
        self.settings("qualty = 85\n")
        self.board.run("systemctl", "restart", "--no-block", "boardcam.service")
        until("the mistake", lambda: "line 1 of the settings file /etc/boardcam.toml" in self.journal())
        self.settings()
        self.board.serves()

    def test_it_may_take_so_much_memory_and_no_more(self):
        self.assertEqual(self.show("MemoryMax"), str(256 << 20))
        group = self.board.root / "sys/fs/cgroup" / self.show("ControlGroup").lstrip("/")
        if not (group / "memory.max").exists():
            self.skipTest("this machine's kernel has its memory limits elsewhere")
        self.assertEqual((group / "memory.max").read_text().strip(), str(256 << 20))

    def edit(self, line):
        """Adds a line to the unit until the end of the check, as `systemctl edit` does."""
        there = "/run/systemd/system/boardcam.service.d"
        self.board.write(f"{there}/override.conf", f"[Service]\n{line}\n")
        self.addCleanup(self.board.run, "systemctl", "daemon-reload")
        self.addCleanup(self.board.run, "rm", "-r", there)
        self.board.run("systemctl", "daemon-reload")

    def watch(self, path):
        """A viewer that watches until the end of the check."""
        url = f"http://127.0.0.1:8080{path}"
        command = ["nsenter", "-t", str(self.board.init), "-n", "curl", "-sN", "-o", "/dev/null", url]
        viewer = subprocess.Popen(command)
        self.addCleanup(viewer.wait)
        self.addCleanup(viewer.terminate)

    def thread(self, name, file):
        """What a file in /proc says of a thread, once there is one of this name."""
        tasks = self.board.root / f"proc/{self.pid()}/task"

        def find():
            for task in tasks.iterdir():
                if (task / "comm").read_text().strip() == name:
                    return (task / file).read_text()
            return None

        return until(f"thread {name}", find)

    def test_its_threads_may_let_the_cameras_come_first_and_keep_off_each_others_cores(self):
        self.settings('camera = "pattern"\nsize = "1280x720"\ntls = "auto"\n')
        self.edit("Nice=0")  # the checks themselves may run at a low priority
        self.systemctl("restart")
        self.watch("/stream")
        self.watch("/stream?size=320x240")
        nice = lambda name: int(self.thread(name, "stat").rpartition(")")[2].split()[16])  # proc_pid_stat(5)
        self.assertEqual(nice("camera camera"), 0)
        for name in ("https", "smaller camera"):
            until(f"{name} to be nice", lambda: nice(name) > 0)
        if os.cpu_count() > 1:
            cores = lambda name: re.search(r"Cpus_allowed:\t(.*)", self.thread(name, "status"))[1]
            until("a core that is kept off", lambda: cores("band 2") != cores("camera camera"))

    def test_it_may_open_as_many_files_as_systemd_lets_it(self):
        soft, hard = re.search(r"Max open files +(\d+) +(\d+)", self.process("limits")).groups()
        self.assertEqual(soft, hard)
        self.assertGreater(int(soft), 1024)

    def test_a_phone_finds_it_by_name_and_is_led_to_https_under_that_name(self):
        phone = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        self.addCleanup(phone.wait)
        self.addCleanup(phone.kill)
        network = lambda pid: os.readlink(f"/proc/{pid}/ns/net")
        until("the phone", lambda: network(phone.pid) != network("self"))
        on_phone = lambda *command, **options: run("nsenter", "-t", phone.pid, "-n", *command, **options)
        self.board.in_network("ip", "link", "add", "lan", "type", "veth", "peer", "name", "wlan", "netns", phone.pid)
        for there, link, address in (self.board.in_network, "lan", BOARD_IP), (on_phone, "wlan", PHONE_IP):
            there("ip", "address", "add", f"{address}/24", "dev", link)
            there("ip", "link", "set", link, "up")
        self.set_everything()
        on_phone("python3", "-c", QUESTION, PHONE_IP, "garden.local", BOARD_IP)
        there = [word for port in (8080, HTTPS) for word in ("--resolve", f"garden.local:{port}:{BOARD_IP}")]
        there += ["--location-trusted", "--cacert", self.save_certificate(), *AS_ANNA, "-m", "20"]
        there += ["-w", "%{http_code} %{url_effective}", "-o", "/dev/null"]
        said = on_phone("curl", "-sS", *there, "http://garden.local:8080/state")
        self.assertEqual(said, f"200 https://garden.local:{HTTPS}/state")

    def test_a_certificate_of_ones_own_that_a_group_may_read_is_served_with_that_group(self):
        self.set_everything()
        mine = self.save_certificate().read_text()
        self.systemctl("stop")
        self.board.run("groupadd", "certificates")
        self.board.run("mv", f"{self.place}/https.pem", "/etc/mine.pem")  # with its key
        self.board.run("chown", "root:certificates", "/etc/mine.pem")
        self.board.run("chmod", "640", "/etc/mine.pem")
        self.settings('camera = "pattern"\ntls = "/etc/mine.pem,/etc/mine.pem"\n')
        self.edit("SupplementaryGroups=certificates")
        self.systemctl("start")
        self.assertEqual(self.save_certificate().read_text(), mine)
        self.assertIn("camera: ", until("the status", lambda: self.show("StatusText")))

    @unittest.skipUnless(PIPES, "this boardcam has no pipes")
    def test_a_program_like_rpicam_vid_works_under_it_and_may_do_nothing_else(self):
        self.board.write("/opt/rpicam-vid", STAND_IN, 0o755)
        run(PROGRAM, "snapshot", "--camera", "pattern", "--size", "320x240", "-o", self.board.root / "opt/frame.jpg")
        self.board.write("/home/somebody/secret", "")
        for name, numbers in {"video9": "81 9", "fuse": "10 229", "kmsg": "1 11"}.items():
            self.board.run("sh", "-c", f"[ -e /dev/{name} ] || mknod -m 666 /dev/{name} c {numbers}")
        self.settings('camera = "pipe:/opt/rpicam-vid"\n')
        self.systemctl("restart")
        until("its pictures", lambda: self.board.get("/healthz")[0] == 200)
        # No driver here: the error distinguishes a permitted device from a forbidden one.
        for told in [
            r"may touch /var/lib/boardcam/kept",
            r"may not touch /etc/written: .*Read-only file system",
            r"may not touch /usr/written: .*Read-only file system",
            r"may not ls /home/somebody: ",
            r"may not ls /root: ",
            r"may (not head -c 1 /dev/video9: .*No such device( or address)?|head)",
            r"may not head -c 1 /dev/fuse: .*cannot open .*Operation not permitted",
            r"may not head -c 1 /dev/kmsg: ",
            r"may renice -n 5 \d+",
            r"may not renice -n -5 \d+: .*Permission denied",
            r"may not ionice -c 3 true: .*Operation not permitted",
            r"may not chrt --batch 0 true: .*Operation not permitted",
            r"may taskset -c 0 true",
            r"may not chown 0 /var/lib/boardcam/kept: .*Operation not permitted",
            r"may not kill -0 1: ",
        ]:
            with self.subTest(told=told):
                self.assertRegex(self.journal("--since", "-60s"), told)
        self.systemctl("stop")
        self.assertNotIn("rpicam-vid", self.board.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))

    def test_udev_takes_the_rule(self):
        told = self.board.run("udevadm", "test", "/sys/class/net/lo", code=None)
        self.assertIn("Reading rules file: /etc/udev/rules.d/70-boardcam.rules", told)
        self.assertNotIn("70-boardcam.rules:", told)

    def test_installed_again_it_runs_and_settings_stay(self):
        first = self.pid()
        self.assertIn("boardcam runs", self.install())
        self.assertNotIn(self.pid(), (0, first))
        self.assertIn("320x240", self.board.read("/etc/boardcam.toml"))

    def test_removed_it_is_gone_but_changed_settings_stay(self):
        told = self.board.run("/opt/board/install", "--remove")
        self.assertIn("/etc/boardcam.toml was changed and stays", told)
        self.gone()
        self.board.run("/opt/board/install", "--remove")
        self.board.run("rm", "/etc/boardcam.toml")
        self.install()
        self.board.run("/opt/board/install", "--remove")
        self.assertFalse(self.board.exists("/etc/boardcam.toml"), "settings that nobody changed")

    def gone(self):
        for file in [
            "/etc/systemd/system/boardcam.service",
            "/etc/systemd/system/multi-user.target.wants/boardcam.service",
            "/etc/udev/rules.d/70-boardcam.rules",
            "/usr/local/bin/boardcam",
            "/usr/local/share/man/man1/boardcam.1",
        ]:
            self.assertFalse(self.board.exists(file), file)
        self.assertEqual(self.show("LoadState"), "not-found")
        self.assertEqual(self.board.get("/state")[0], 0)

    def test_over_ssh_it_is_installed_and_removed_as_root_and_as_a_user_with_sudo(self):
        self.board.run("sh", "-c", "id pi 2>/dev/null || useradd --create-home --shell /bin/sh pi")
        self.board.write("/etc/sudoers.d/pi", "pi ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        keys = self.board.folder / "keys"
        keys.mkdir(exist_ok=True)
        if not (keys / "key").exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "key")
        for home in ("/root", "/home/pi"):
            self.board.write(f"{home}/.ssh/authorized_keys", (keys / "key.pub").read_text(), 0o600)
        self.board.run("chown", "-R", "pi:", "/home/pi/.ssh")
        self.board.run("systemctl", "start", "ssh.service")
        options = f"-F none -i {keys}/key -o UserKnownHostsFile={keys}/known -o StrictHostKeyChecking=accept-new"
        (keys / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh {options} "$@"\n')
        (keys / "ssh").chmod(0o755)
        path = f"PATH={keys}:/usr/sbin:/usr/bin:/sbin:/bin"
        for user in ("root", "pi"):
            with self.subTest(user=user):
                self.board.run("/opt/board/install", "--remove")
                order = ["env", path, BOARD / "install", f"{user}@127.0.0.1"]
                self.assertIn("boardcam runs", self.board.in_network(*order, "--binary", PROGRAM))
                self.board.serves()
                self.board.in_network(*order, "--remove")
                self.gone()
        self.assertEqual(self.board.run("find", "/tmp", "-name", "tmp.*"), "", "something is left behind")
        refused = self.board.in_network("env", path, BOARD / "install", "nobody-there@127.0.0.1", code=1)
        self.assertIn("cannot reach nobody-there@127.0.0.1", refused)
