"""The program for 32-bit systems under a 32-bit kernel of Debian's, with the kernel's virtual camera."""

import gzip
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from guest import ALL, IMAGE, VIRTIO, WORK, Guest

INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
modprobe -a virtio_mmio virtio_net
modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0
ip link set lo up
until ip link set eth0 up 2> /dev/null; do usleep 100000; done
ip addr add 10.0.2.15/24 dev eth0
exec boardcam --size 320x180 --listen 0.0.0.0:80 < /dev/null
"""


@unittest.skipUnless(ALL, "takes long; --all")
class Armhf(unittest.TestCase):
    def test_the_armv7_program_captures_encodes_and_serves(self):
        work = WORK / "armhf"
        work.mkdir(exist_ok=True)
        apt = IMAGE.private_apt(work, "armhf")
        # Without a check: a mirror that is just being renewed lacks some lists, and others have a kernel, too.
        subprocess.run([*apt, "update", "-qq"])
        tree = IMAGE.unpack(work, apt, [IMAGE.kernel_package(apt, "linux-image-armmp"), "busybox-static"])
        system = work / "system"
        shutil.rmtree(system, ignore_errors=True)
        for folder in ["bin", "dev", "proc", "sys"]:
            (system / folder).mkdir(parents=True)
        (system / "sbin").symlink_to("bin")
        IMAGE.put(tree / "bin/busybox", system / "bin/busybox", 0o755)
        IMAGE.put(Path(os.environ["BOARDCAM_ARMV7"]), system / "bin/boardcam", 0o755)
        (system / "init").write_text(INIT)
        (system / "init").chmod(0o755)
        IMAGE.put_modules(tree, system, [*VIRTIO, "drivers/media/test-drivers/vivid/vivid"])
        (work / "initramfs").write_bytes(gzip.compress(IMAGE.cpio(system, 0), 1))
        board = Guest(
            work, next((tree / "boot").glob("vmlinuz-*")),
            ["-M", "virt", "-cpu", "cortex-a15", "-m", "512", "-serial", "stdio"], work / "initramfs",
            "console=ttyAMA0 panic=10 net.ifnames=0 quiet", "-device", "virtio-net-device,netdev=net",
        )
        self.addCleanup(board.cut_power)
        board.picture()
        camera = board.state()["cameras"][0]
        self.assertEqual((camera["state"], camera["device"]["driver"]), ("live", "vivid"))
        self.assertEqual(len(set(board.frames(3))), 3, "the pictures do not move")
