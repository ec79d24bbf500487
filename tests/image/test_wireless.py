"""The wireless network of the settings, with two simulated radios in one board (mac80211_hwsim): one for the board, one
for an access point (hostapd) in a network namespace."""

import shutil
import tempfile
import unittest
from pathlib import Path

from guest import ALL, IMAGE, IN_IT, OTHER_NETWORK, WORK, Card, until, virt

NAME, KEY = "Zoë's \"net\"", 'correct "horse" \\ #1'
SETTINGS = f"wifi.name = '''{NAME}'''\nwifi.key = '{KEY}'\nwifi.country = 'de'\ncamera = 'pattern'\n"

ACCESS_POINT = """\
interface=wlan1
driver=nl80211
ssid2={ssid}
hw_mode=g
channel=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase={key}
"""
LEASES = """\
start 192.168.77.10
end 192.168.77.20
interface wlan1
option subnet 255.255.255.0
lease_file /run/leases
"""
SET_UP = f"""\
modprobe mac80211_hwsim radios=2
until [ -e /sys/class/net/wlan1 ]; do usleep 100000; done
{OTHER_NETWORK}
iw phy "$(cat /sys/class/net/wlan1/phy80211/name)" set netns $!
: > /run/leases
{IN_IT} ip addr add 192.168.77.1/24 dev wlan1
{IN_IT} ip link set wlan1 up
"""


def access_point():
    """hostapd and iw with their libraries, as an initramfs."""
    apt = IMAGE.private_apt(WORK)
    work = WORK / "access-point"
    work.mkdir(exist_ok=True)
    programs = ["hostapd", "iw"]
    tree = IMAGE.unpack(work, apt, [*programs, *IMAGE.libraries(apt, *programs)])
    folder = Path(tempfile.mkdtemp(prefix="point-", dir=WORK))
    for program in ["usr/sbin/hostapd", "sbin/iw"]:
        IMAGE.put_program(tree, folder, tree / program)
    (folder / "etc").mkdir()
    ssid = NAME.encode().hex()
    for name, key in {"right": KEY, "wrong": "another key"}.items():
        (folder / f"etc/{name}.conf").write_text(ACCESS_POINT.format(ssid=ssid, key=key))
    (folder / "etc/leases.conf").write_text(LEASES)
    cpio = IMAGE.cpio(folder, 0)
    shutil.rmtree(folder)
    return cpio


@unittest.skipUnless(ALL, "takes long; --all")
class Wireless(unittest.TestCase):
    def test_a_wrong_wifi_key_is_reported_and_the_right_one_brings_the_picture(self):
        card = Card(SETTINGS.encode())
        self.addCleanup(card.remove)
        board = virt(card, more=access_point())
        self.addCleanup(board.cut_power)
        board.picture()
        board.shell(SET_UP)
        told = board.shell(f"{IN_IT} hostapd -B /etc/wrong.conf; {IN_IT} udhcpd /etc/leases.conf")
        self.assertIn("AP-ENABLED", told)
        board.says("WRONG_KEY")
        until("the wrong key on the screen", lambda: "WRONG_KEY" in board.screen_text())
        board.picture()  # by cable
        told = board.shell(f"killall hostapd; while pidof hostapd; do usleep 100000; done; {IN_IT} hostapd -B /etc/right.conf")
        self.assertIn("AP-ENABLED", told)
        _, found = board.says(r"network: wlan0 has the address (192\.168\.77\.\d+)")
        fetched = f"{IN_IT} wget -q -O - http://{found[1]}/snapshot | head -c 3 | xxd -p"
        until("the picture by wireless", lambda: board.shell(fetched).endswith("ffd8ff"))
