"""Emulated boards that run the card, and what every check needs."""

import hashlib
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from common import LineReader, free_port, waits

REPO = Path(__file__).parent.parent.parent
WORK = Path(os.environ["IMAGE_WORK"])
CARD = WORK / "boardcam.img"
ALL = bool(os.environ["IMAGE_ALL"])
WAIT_S = 900
"""How long anything may take before a check gives up; an emulated board on a busy machine is slow."""

ROWS, COLUMNS = 67, 240
"""Of the virtual terminal, as on a screen of 1920x1080; an emulated board has no screen."""

QEMU_CARD_SIZE = 64 << 20
"""QEMU takes cards of a power of two only."""


def image_script():
    """board/image as a module."""
    loader = importlib.machinery.SourceFileLoader("board_image", str(REPO / "board/image"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


IMAGE = image_script()


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, **options).stdout


until = waits(WAIT_S)


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Card:
    """A copy of the card, as a user has it after flashing; with other settings, if any, in place of the example."""

    def __init__(self, settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="card-", dir=WORK))
        self.file = self.folder / "sd.img"
        self.fat = f"{self.file}@@{IMAGE.PARTITION_START}"
        shutil.copyfile(CARD, self.file)
        os.truncate(self.file, QEMU_CARD_SIZE)
        self.before = digest(self.file)
        if settings is not None:
            self.write(settings)

    def write(self, settings, name="boardcam.toml"):
        """Puts these bytes onto the card as a file, as a computer does that has the card in its slot."""
        self.put(settings, name)
        self.before = digest(self.file)

    def put(self, content, name):
        (self.folder / name).write_bytes(content)
        run("mcopy", "-o", "-i", self.fat, self.folder / name, f"::{name}")

    def take(self, name):
        """A file of the card, copied off it."""
        there = self.folder / name
        if not there.exists():
            run("mcopy", "-n", "-i", self.fat, f"::{name}", there)
        return there

    def unchanged(self):
        return digest(self.file) == self.before

    def remove(self):
        shutil.rmtree(self.folder)


class LargeCard(Card):
    """A card with room for a settings file of a gigabyte, which is all that is on it."""

    def __init__(self):
        super().__init__()
        for name in ["kernel.img", "system.img", "cmdline.txt"]:
            self.take(name)
        self.fat = str(self.file)  # without partitions
        self.file.unlink()
        self.file.touch()
        os.truncate(self.file, 1200 << 20)
        run("mkfs.vfat", "-F", "32", "-n", IMAGE.LABEL, self.file)
        long = self.folder / "boardcam.toml"
        long.touch()
        os.truncate(long, 1 << 30)
        run("mcopy", "-i", self.fat, long, "::boardcam.toml")
        run("fallocate", "--dig-holes", self.file)  # it is all zeros, which need no room on this machine's disk
        long.unlink()


class Guest:
    """An emulated board that is switched on."""

    def __init__(self, folder, kernel, machine, initrd, append, *devices):
        self.port = free_port()
        self.shell_port = free_port()
        self.monitor_path = folder / f"monitor-{self.port}"
        qemu = WORK / "qemu/usr"
        libraries = sorted({str(file.parent) for file in (WORK / "qemu").rglob("*.so*")})
        forward = f"hostfwd=tcp:127.0.0.1:{self.port}-:80,hostfwd=tcp:127.0.0.1:{self.shell_port}-:23"
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [
                qemu / "bin/qemu-system-aarch64", "-L", qemu / "share/qemu", "-nodefaults", "-no-user-config",
                "-display", "none", "-accel", "tcg,thread=multi", "-monitor", f"unix:{self.monitor_path},server,nowait",
                *machine, "-kernel", kernel, "-initrd", initrd, "-append", append,
                "-netdev", f"user,id=net,{forward}", *devices,
            ],
            env=os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        self.console = []
        self.reader = LineReader(self.process.stdout, self._hear)

    def _hear(self, line):
        self.console.append((time.monotonic(), line.decode(errors="replace").rstrip()))

    def says(self, pattern, after=0, seconds=WAIT_S):
        """Waits for a console line after this many others; returns its time and the match."""

        def said():
            for at, line in list(self.console)[after:]:
                if found := re.search(pattern, line):
                    return at, found
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU ended:\n{self.text()}")
            return None

        try:
            return until(pattern, said, seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; the console:\n{self.text()}") from None

    def text(self):
        return "\n".join(line for _, line in list(self.console)[-80:])

    def get(self, path, timeout=30, post=None):
        """What boardcam answers, as (status, body); (0, b"") if nobody does."""
        url, data = f"http://127.0.0.1:{self.port}{path}", post and json.dumps(post).encode()
        try:
            with urllib.request.urlopen(url, data, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()
        except OSError:
            return 0, b""

    def state(self):
        """/state, as soon as there is one."""

        def answered():
            status, body = self.get("/state")
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU ended:\n{self.text()}")
            return status == 200 and json.loads(body)

        try:
            return until("/state", answered)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; the console:\n{self.text()}") from None

    def picture(self):
        """A snapshot that is none of the card's, as soon as there is one."""

        def taken():
            status, body = self.get("/snapshot")
            return status == 200 and body

        try:
            picture = until("a picture", taken)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; the console:\n{self.text()}") from None
        assert picture[:3] == b"\xff\xd8\xff" and picture[-2:] == b"\xff\xd9", "no JPEG"
        return picture

    def frames(self, number):
        """So many frames of the stream, fetched by curl as a player does."""
        stream = subprocess.Popen(
            ["curl", "-sN", f"http://127.0.0.1:{self.port}/stream"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        timer = threading.Timer(WAIT_S, stream.kill)
        timer.start()
        frames = []
        try:
            while len(frames) < number:
                line = stream.stdout.readline()
                assert line, f"the stream ended after {len(frames)} frames"
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                    while stream.stdout.readline().strip():
                        pass
                    frames.append(stream.stdout.read(length))
        finally:
            timer.cancel()
            stream.kill()
            stream.communicate()
        return frames

    def monitor(self, order):
        """What QEMU itself answers to an order."""
        until("QEMU's monitor", self.monitor_path.exists)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_S)
            line.connect(str(self.monitor_path))
            for send in (f"{order}\n", ""):
                heard = b""
                while not heard.endswith(b"(qemu) "):
                    heard += line.recv(4096)
                line.sendall(send.encode())
            return heard.decode(errors="replace")

    def shell(self, script):
        """What a script prints on the board; only boards with a tool box have a shell."""

        def answered():
            with socket.create_connection(("127.0.0.1", self.shell_port), timeout=WAIT_S) as line:
                line.sendall(f"{{ {script}\n}} 2>&1; echo; echo end-of-$((6 * 7)); exit\n".encode())
                heard = b""
                while part := line.recv(65536):
                    heard += part
            return heard.decode(errors="replace")

        heard = until("the board's shell", lambda: (text := answered()) and "end-of-42" in text and text)
        return heard.rpartition("\nend-of-42")[0].strip()

    def screen(self):
        """What the first virtual terminal shows: its lines, as bytes of code page 437 (vcs(4))."""
        shown = bytes.fromhex(self.shell("xxd -p /dev/vcs1"))
        return [shown[at : at + COLUMNS] for at in range(0, len(shown), COLUMNS)]

    def screen_text(self):
        """The same without the ends of lines."""
        return b"".join(self.screen()).decode("cp437")

    def cut_power(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()


def append_line(card, serial):
    """The kernel's command line as it is on the card, with the machine's serial line, and no screen besides."""
    return card.take("cmdline.txt").read_text().strip().replace("ttyS1", serial).replace(" console=tty1", "")


def pi3(card):
    """A Raspberry Pi 3 with the card in its slot and a cable in its USB network adapter. QEMU does not run the Pi's own
    firmware: it is told what config.txt tells that."""
    append = append_line(card, "ttyS1")
    append += " module_blacklist=bcm2835_wdt"  # QEMU resets the board as soon as its watchdog is started
    machine = ["-M", "raspi3b", "-dtb", card.take("bcm2837-rpi-3-b.dtb"), "-serial", "null", "-serial", "stdio"]
    devices = ["-drive", f"if=sd,format=raw,file={card.file}", "-device", f"{USB_ADAPTER},id=adapter"]
    return Guest(card.folder, card.take("kernel.img"), machine, card.take("system.img"), append, *devices)


USB_ADAPTER = "usb-net,netdev=net"
PLUG_IN_TIMES, PLUG_IN_S = 8, 120


def await_network(pi):
    """Waits until a Pi has its address. On a busy machine QEMU's Pi does not always recognize what is plugged in: then it
    is pulled out and plugged in again, as one does."""
    for time_left in reversed(range(PLUG_IN_TIMES)):
        try:
            return pi.says(r"network: \w+ has the address 10\.0\.2\.15", seconds=PLUG_IN_S)
        except AssertionError:
            if not time_left:
                raise
        print("     plugging the network adapter in again", flush=True)
        pi.monitor("device_del adapter")
        until("it to be pulled out", lambda: "adapter" not in pi.monitor("info usb"))
        pi.monitor(f"device_add {USB_ADAPTER},id=adapter")


def virt(card, *devices, more=b"", camera=False):
    """QEMU's own machine, twice as fast, with the card as a disk; the drivers for what it has and a shell on port 23 come
    in a tool box, an initramfs behind the card's own, and there may be `more`. The kernel's virtual camera is for small
    pictures: at 1280x720 it floods the log of a slow machine with its own complaints."""
    system = card.folder / "system-and-tools.img"
    if not system.exists():
        own = card.take("system.img").read_bytes()
        system.write_bytes(own + b"\0" * (-len(own) % 4) + tool_box() + more)
    machine = ["-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", "512", "-serial", "stdio"]
    drives = ["-drive", f"if=none,id=card,format=raw,file={card.file}", "-device", "virtio-blk-pci,drive=card"]
    nic = ["-device", "virtio-net-pci,netdev=net,romfile="]
    append = append_line(card, "ttyAMA0") + ("" if camera else " module_blacklist=vivid")
    return Guest(card.folder, card.take("kernel.img"), machine, system, append, *drives, *nic, *devices)


OTHER_NETWORK = """\
unshare -n sleep 1000000 > /dev/null 2>&1 &
echo $! > /run/other
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do usleep 100000; done
"""
"""Makes a network namespace on a board, for as long as the process lives whose number it leaves in /run/other."""

IN_IT = 'nsenter -n -t "$(cat /run/other)"'
"""Before a command on the board: runs it there."""

VIRTIO = [f"drivers/{name}" for name in ("block/virtio_blk", "net/virtio_net", "virtio/virtio_pci", "virtio/virtio_mmio")]
SIMULATED = ["drivers/media/test-drivers/vivid/vivid", "drivers/net/wireless/mac80211_hwsim",
             "crypto/ccm", "crypto/ctr", "crypto/cmac", "crypto/gcm", "drivers/net/veth", "drivers/watchdog/i6300esb"]


def tool_box():
    """An initramfs with what the emulated machine needs besides the card's own."""
    made = WORK / "tools.img"
    system = WORK / "system"
    depends = [WORK / "tree/unpacked", REPO / "board/image", Path(__file__), system / "etc/inittab"]
    stamp = "".join(digest(file) for file in depends)
    mark = WORK / "tools.stamp"
    if made.exists() and mark.exists() and mark.read_text() == stamp:
        return made.read_bytes()
    folder = Path(tempfile.mkdtemp(prefix="tools-", dir=WORK))
    IMAGE.put_modules(WORK / "tree", folder, [*IMAGE.MODULES, *VIRTIO, *SIMULATED])
    for file in sorted(folder.rglob("*")):
        twin = system / file.relative_to(folder)
        if file.is_file() and not file.name.startswith("modules.") and twin.exists():
            file.unlink()
    (folder / "etc").mkdir()
    inittab = (system / "etc/inittab").read_text()
    inittab += "::sysinit:/bin/modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0\n"
    inittab += f"::sysinit:/bin/stty -F /dev/tty1 rows {ROWS} cols {COLUMNS}\n"
    inittab += "::respawn:/bin/nc -ll -p 23 -e /bin/sh\n"
    (folder / "etc/inittab").write_text(inittab)
    cpio = IMAGE.cpio(folder, 0)
    shutil.rmtree(folder)
    made.write_bytes(cpio)
    mark.write_text(stamp)
    return cpio
