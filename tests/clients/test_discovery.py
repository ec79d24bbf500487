"""Found by name, as zeroconf (an mDNS library of its own) sees it from another machine; beside avahi; QR codes."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import unittest.mock
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy
import zeroconf

import namespace
from browser import get_state, open_browser, set_screen, text
from program import OUT, WAIT_S, Program, until

SERVICE = "_http._tcp.local."
PORT = 8080


class Phone:
    """What an mDNS client in this thread's namespace finds."""

    def __init__(self, test, address):
        self.mdns = zeroconf.Zeroconf(interfaces=[address], ip_version=zeroconf.IPVersion.V4Only)
        test.addCleanup(self.mdns.close)
        self.there = {}
        zeroconf.ServiceBrowser(self.mdns, SERVICE, handlers=[self._change])

    def _change(self, zeroconf, service_type, name, state_change):
        label = name.removesuffix("." + service_type)
        if state_change.name == "Removed":
            self.there.pop(label, None)
        else:
            self.there[label] = True

    def names(self):
        """The names that are announced now."""
        return sorted(self.there)

    def service(self, label):
        """Host, port and addresses of a service."""
        info = self.mdns.get_service_info(SERVICE, f"{label}.{SERVICE}")
        return info and (info.server, info.port, sorted(info.parsed_addresses()))

    def addresses(self, label):
        """The addresses of a host, as a browser asks for them: from the network, not from what was heard before."""
        self.mdns.cache = zeroconf.DNSCache()
        asked = zeroconf.AddressResolverIPv4(f"{label}.local.")
        asked.request(self.mdns, 1000)
        return sorted(asked.parsed_addresses())


def get(address, host):
    """The status of the page when a browser calls the program there by this name."""
    request = urllib.request.Request(f"http://{address}:{PORT}/", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class ByName(unittest.TestCase):
    """Two boards and a phone on a switch."""

    def setUp(self):
        self.network = namespace.Network(self, "one", "two", "phone")
        self.network.address("phone", "add", "10.79.0.9")
        self.enterContext(self.network.inside("phone"))
        self.phone = Phone(self, "10.79.0.9")

    def start(self, host, *options, address="[::]"):
        with self.network.inside(host):
            board = Program(address=address, port=PORT, options=options)
        self.addCleanup(lambda: board.running() and board.stop())
        return board

    def state_of(self, host, board):
        with self.network.inside(host):
            return get_state(board)

    def name_of(self, host, board):
        return self.state_of(host, board)["network"]["name"]

    def test_two_boards_are_found_by_name_the_second_with_a_number_and_each_says_goodbye(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("two", "add", "10.79.0.2")
        one = self.start("one")
        until("the first", lambda: self.phone.names() == ["boardcam"])
        two = self.start("two")
        until("the second", lambda: self.phone.names() == ["boardcam", "boardcam-2"])
        for label, address, other in [("boardcam", "10.79.0.1", "boardcam-2"), ("boardcam-2", "10.79.0.2", "boardcam")]:
            self.assertEqual(self.phone.service(label), (f"{label}.local.", PORT, [address]))
            self.assertEqual(until("its address", lambda: self.phone.addresses(label)), [address])
            self.assertEqual(get(address, f"{label}.local:{PORT}"), 200)
            self.assertEqual(get(address, f"{other}.local:{PORT}"), 421, "the name of another board")
        self.assertEqual(self.name_of("two", two), "boardcam-2.local")
        # What says goodbye is forgotten at once; without one it would be remembered for 75 minutes.
        two.stop()
        until("the second's goodbye", lambda: self.phone.names() == ["boardcam"])
        one.stop()
        until("the first's goodbye", lambda: self.phone.names() == [])

    def test_boards_that_start_together_agree_on_names(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("two", "add", "10.79.0.2")
        one, two = self.start("one"), self.start("two")
        until("two names", lambda: self.phone.names() == ["boardcam", "boardcam-2"])
        names = {self.name_of("one", one), self.name_of("two", two)}
        self.assertEqual(names, {"boardcam.local", "boardcam-2.local"})

    def test_boards_that_took_the_same_name_unheard_of_each_other_agree_when_they_meet(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("two", "add", "10.79.0.2")
        self.network.separate("two")
        boards = {host: self.start(host) for host in ["one", "two"]}
        names = lambda: {self.name_of(host, board) for host, board in boards.items()}
        until("both have the name", lambda: names() == {"boardcam.local"})
        self.network.join("two")
        until("two names", lambda: names() == {"boardcam.local", "boardcam-2.local"})
        until("both", lambda: self.phone.names() == ["boardcam", "boardcam-2"])

    def test_another_name_or_none_can_be_chosen(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("two", "add", "10.79.0.2")
        self.start("two", "--name", "none")
        self.start("one", "--name", "Garden")
        until("the one with a name", lambda: self.phone.names() == ["garden"])
        self.assertEqual(get("10.79.0.1", "garden.local"), 200)
        self.assertEqual(get("10.79.0.2", "boardcam.local"), 421)

    def test_addresses_that_come_and_go_are_followed(self):
        board = self.start("one")
        self.assertIsNone(self.state_of("one", board)["network"]["url"])
        self.network.address("one", "add", "10.79.0.1")
        until("found", lambda: self.phone.addresses("boardcam") == ["10.79.0.1"])
        self.network.address("one", "add", "10.79.0.3")
        self.network.address("one", "del", "10.79.0.1")
        # The system takes away what was added to the first one as well.
        with contextlib.suppress(subprocess.CalledProcessError):
            self.network.address("one", "add", "10.79.0.3")
        until("found elsewhere", lambda: self.phone.addresses("boardcam") == ["10.79.0.3"])
        self.assertEqual(get("10.79.0.3", "boardcam.local"), 200)

    def test_only_the_address_that_is_listened_on_is_announced(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("one", "add", "10.79.0.4")
        self.start("one", address="10.79.0.4")
        until("found", lambda: self.phone.addresses("boardcam") == ["10.79.0.4"])
        self.assertEqual(self.phone.service("boardcam"), ("boardcam.local.", PORT, ["10.79.0.4"]))

    def test_a_board_that_is_twice_in_one_network_keeps_its_name(self):
        self.network.plug_in("one", "wlan0")
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("one", "add", "10.79.0.5", "wlan0")
        board = self.start("one", "--verbose")
        until("found", lambda: self.phone.names() == ["boardcam"])
        until("it no longer looks for others", lambda: "settled as" in board.log)
        self.assertEqual(self.name_of("one", board), "boardcam.local")
        self.assertEqual(self.phone.names(), ["boardcam"])

    def test_without_ipv6_it_is_found_all_the_same(self):
        with self.network.inside("one"):
            Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        self.network.address("one", "add", "10.79.0.1")
        self.start("one", address="0.0.0.0")
        until("found", lambda: self.phone.addresses("boardcam") == ["10.79.0.1"])

    def test_when_another_program_keeps_port_5353_it_serves_says_so_and_ends_soon(self):
        self.network.address("one", "add", "10.79.0.1")
        with self.network.inside("one"), contextlib.ExitStack() as kept:
            for family, every in [(socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")]:
                one = kept.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((every, 5353))
            board = self.start("one")
            until("it says so", lambda: "cannot announce boardcam.local" in board.log)
            self.assertEqual(get("10.79.0.1", "10.79.0.1"), 200)
            self.assertIsNone(self.name_of("one", board))
            board.stop()

    def test_the_boards_own_avahi_may_have_the_same_name(self):
        self.network.address("one", "add", "10.79.0.1")
        with self.network.inside("one"):
            avahi = Avahi(self, "boardcam")
        until("avahi", lambda: self.phone.addresses("boardcam") == ["10.79.0.1"])
        board = self.start("one", "--verbose")
        until("the page", lambda: self.phone.names() == ["boardcam"])
        until("it no longer looks for others", lambda: "settled as" in board.log)
        self.assertEqual(self.name_of("one", board), "boardcam.local")
        board.stop()
        until("the page's goodbye", lambda: self.phone.names() == [])
        until("avahi's name", lambda: self.phone.addresses("boardcam") == ["10.79.0.1"])
        for word in ["conflict", "boardcam-2"]:
            self.assertNotIn(word, avahi.log().lower())


class Avahi:
    """Debian's avahi in this thread's namespace, with files of its own."""

    def __init__(self, test, host_name):
        folder = Path(test.enterContext(tempfile.TemporaryDirectory()))
        self.lines = folder / "log"
        (folder / "avahi-daemon.conf").write_text(f"[server]\nhost-name={host_name}\nenable-dbus=no\n")
        for file, line in [("passwd", "avahi:x:65534:65534::/:/bin/false\n"), ("group", "avahi:x:65534:\n")]:
            (folder / file).write_text(Path("/etc", file).read_text() + line)
        # It insists on a user of its own and on a pid file below /run.
        script = """
            mount -t tmpfs none /run && mount --bind passwd /etc/passwd && mount --bind group /etc/group &&
                exec "$0" --file "$PWD/avahi-daemon.conf" --no-drop-root --no-chroot --no-rlimits --debug
        """
        command = ["unshare", "--mount", "sh", "-c", script, os.environ["AVAHI"]]
        libraries = {**os.environ, "LD_LIBRARY_PATH": os.environ["AVAHI_LIBRARIES"]}
        with self.lines.open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=libraries)
        test.addCleanup(self.stop)

    def log(self):
        return self.lines.read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT_S)


def decode(picture):
    """What a QR code says, as OpenCV reads it."""
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def draw(lines):
    """A QR code of half blocks as a picture."""
    rows = []
    for line in lines:
        rows.append([0 if mark in "▀█" else 255 for mark in line])
        rows.append([0 if mark in "▄█" else 255 for mark in line])
    return numpy.kron(numpy.array(rows, numpy.uint8), numpy.ones((8, 8), numpy.uint8))


class Terminal:
    """boardcam on a terminal, and what stands on it."""

    def __init__(self, test, *options):
        ours, its = pty.openpty()
        self.shown = b""
        self.log = test.enterContext(tempfile.TemporaryFile())
        command = [os.environ["BOARDCAM_BIN"], "--camera", "pattern", "--log", "stderr", *options]
        self.process = subprocess.Popen(command, stdin=its, stdout=its, stderr=self.log)
        os.close(its)
        self.reader = threading.Thread(target=self._read, args=[ours], daemon=True)
        self.reader.start()
        test.addCleanup(self.stop)

    def _read(self, ours):
        with open(ours, "rb", buffering=0) as ours, contextlib.suppress(OSError):  # EIO: it has ended
            while part := ours.read(4096):
                self.shown += part

    def codes(self):
        """What the QR codes say that it has shown, in this order."""
        shown = re.sub(r"\x1b\[[0-9;]*m", "", self.shown.decode(errors="replace")).replace("\r", "")
        blocks = [block for block in re.split(r"\n[^ ▀▄█\n].*", "\n" + shown) if block.strip()]
        return [decode(draw(block.strip("\n").split("\n"))) for block in blocks]

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT_S)
        self.reader.join()


class Code(unittest.TestCase):
    """One board with a phone in its network."""

    def setUp(self):
        self.network = namespace.Network(self, "one")
        self.enterContext(self.network.inside("one"))

    def test_the_code_on_the_terminal_is_the_address_and_comes_again_when_that_changes(self):
        terminal = Terminal(self, "--listen", f"0.0.0.0:{PORT}")
        urls = []
        for address in ["10.79.0.1", "192.168.178.200"]:
            self.network.ip("one", "address", "flush", "dev", "eth0")
            self.network.address("one", "add", address)
            urls.append(f"http://{address}:{PORT}/")
            until("its code", lambda: terminal.shown.count(b" in a browser") == len(urls))
            self.assertEqual(terminal.codes(), urls)
        terminal.log.seek(0)
        self.assertNotIn("█", terminal.log.read().decode(), "a file that is the log")

    def test_the_code_on_the_terminal_is_of_https_where_plain_http_leads_there(self):
        self.network.address("one", "add", "10.79.0.1")
        state = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(unittest.mock.patch.dict(os.environ, STATE_DIRECTORY=state))
        terminal = Terminal(self, "--listen", f"0.0.0.0:{PORT}", "--tls", "auto", "--tls-listen", "0.0.0.0:8443")
        until("its code", lambda: b" in a browser" in terminal.shown)
        self.assertEqual(terminal.codes(), ["https://10.79.0.1:8443/"])

    def test_only_a_terminal_gets_the_code(self):
        self.network.address("one", "add", "10.79.0.1")
        with tempfile.TemporaryFile("w+") as file:
            command = [os.environ["BOARDCAM_BIN"], "--camera", "pattern", "--listen", f"0.0.0.0:{PORT}", "--log", "stderr"]
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.PIPE, text=True)
            log = iter(process.stderr)
            until("it is announced", lambda: "announced on the network as" in next(log))
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=WAIT_S)[1]
            file.seek(0)
            self.assertEqual(file.read(), "")
        self.assertNotIn("█", rest)

    def test_the_page_shows_the_code_of_the_address_in_the_browser(self):
        self.network.address("one", "add", "10.79.0.1")
        self.network.address("one", "add", "192.168.178.200")
        board = Program(address="[::]", port=PORT)
        self.addCleanup(board.stop)
        browser = open_browser(self)
        set_screen(browser, "phone")
        for host, address in [("192.168.178.200", "192.168.178.200"), ("10.79.0.1", "10.79.0.1"), ("localhost", "10.79.0.1")]:
            with self.subTest(host):
                browser.get(f"http://{host}:{PORT}/")
                url = f"http://{address}:{PORT}/"
                browser.find_element("id", "options").click()
                until("the address", lambda: text(browser, "url") == url)
                code = browser.find_element("id", "code")
                loaded = "return arguments[0].complete && arguments[0].naturalWidth > 0"
                until("the code", lambda: browser.execute_script(loaded, code))
                browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", code)
                self.assertEqual(code.get_attribute("alt"), f"QR code: {url}")
                png = numpy.frombuffer(code.screenshot_as_png, numpy.uint8)
                self.assertEqual(decode(cv2.imdecode(png, cv2.IMREAD_COLOR)), url)
                browser.save_screenshot(str(OUT / "page-code.png"))
