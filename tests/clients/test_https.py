"""HTTPS with the certificate that boardcam makes: curl, openssl, ffmpeg, OpenCV and Chromium, which are told to trust
this one and no other."""

import base64
import hashlib
import os
import re
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

import test_curl
from browser import await_moving, open_browser, set_screen, state
from opencv import reads_moving_frames
from program import OUT, STREAMS, WAIT_S, Program, until

FRAMES = 30
NAME = "board.test"
"""What a browser elsewhere calls the board; on this machine it would be served in plain, too."""


def start(test, *options):
    """A program with HTTPS, where that is, and the file of its certificate; all end with `test` (one or a class)."""
    cleanup = test.addClassCleanup if isinstance(test, type) else test.addCleanup
    folder = tempfile.TemporaryDirectory()
    cleanup(folder.cleanup)
    options = ["--tls", "auto", "--tls-listen", "127.0.0.1:0", "--host", NAME, *options]
    program = Program(options=options, state=folder.name)
    cleanup(program.stop)
    port = until("where HTTPS is", lambda: re.search(r"listening on https://127\.0\.0\.1:(\d+)/", program.log))
    port = int(port[1])
    certificate = Path(folder.name) / "seen.pem"
    certificate.write_text(ssl.get_server_certificate(("127.0.0.1", port)))
    return program, port, certificate


class CurlOverHttps(test_curl.Curl):
    """All that is checked with curl in plain, over HTTPS and with the certificate verified."""

    @classmethod
    def setUpClass(cls):
        cls.program, cls.port, cls.certificate = start(cls)
        cls.url = f"https://localhost:{cls.port}"
        os.environ["CURL_CA_BUNDLE"] = str(cls.certificate)
        cls.addClassCleanup(os.environ.pop, "CURL_CA_BUNDLE")

    def test_curl_trusts_the_certificate_under_the_names_in_it_and_nothing_else(self):
        def ends(*options):
            command = ["curl", "--silent", "--output", "/dev/null", "--max-time", str(WAIT_S), *options]
            return subprocess.run(command).returncode

        snapshot = f"https://127.0.0.1:{self.port}/snapshot"
        self.assertEqual(ends(snapshot), 0)
        self.assertEqual(ends("--resolve", f"{NAME}:{self.port}:127.0.0.1", f"https://{NAME}:{self.port}/"), 0)
        elsewhere = "evil.example"
        resolve = ["--resolve", f"{elsewhere}:{self.port}:127.0.0.1"]
        self.assertEqual(ends(*resolve, f"https://{elsewhere}:{self.port}/"), 60)
        self.assertEqual(ends("--cacert", "/etc/ssl/certs/ca-certificates.crt", snapshot), 60)
        self.assertEqual(ends("--cacert", "/etc/ssl/certs/ca-certificates.crt", "--insecure", snapshot), 0)

    def test_curl_gets_pictures_by_tls_1_2_and_1_3_and_nothing_by_older_ones(self):
        for options in [["--tls-max", "1.2"], ["--tlsv1.3"]]:
            with self.subTest(options):
                self.check_stream(self.url + "/stream", *options)
        with self.assertRaises(subprocess.CalledProcessError):
            test_curl.curl("--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0", self.url + "/snapshot")

    def test_curl_is_led_from_plain_http_to_https(self):
        resolve = []
        for port in self.program.port, self.port:
            resolve += ["--resolve", f"{NAME}:{port}:127.0.0.1"]
        plain = f"http://{NAME}:{self.program.port}"
        for path in STREAMS:
            with self.subTest(path):
                where = test_curl.curl("--write-out", "%{redirect_url}", "--output", "/dev/null", *resolve, plain + path)
                self.assertEqual(where.decode(), f"https://{NAME}:{self.port}{path}")
        jpeg = test_curl.curl("--location", *resolve, plain + "/snapshot?x=1")
        self.assertTrue(jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9"))

    def test_the_fingerprint_in_the_log_is_the_one_that_openssl_shows(self):
        command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(self.certificate)]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("=")[1]
        self.assertIn(f"SHA-256 fingerprint {shown},", self.program.log)

    def test_renegotiation_is_refused_and_the_next_client_served(self):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_2", "-legacy_renegotiation"]
        done = subprocess.run(command, input="R\nR\nR\n", capture_output=True, text=True, timeout=WAIT_S)
        self.assertIn("RENEGOTIATING", done.stdout + done.stderr)
        self.assertNotEqual(done.returncode, 0)
        self.check_stream(self.url + "/stream")


class Players(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program, cls.port, cls.certificate = start(cls)

    def ffmpeg(self, certificate):
        command = ["ffmpeg", "-nostdin", "-v", "warning", "-tls_verify", "1", "-ca_file", certificate]
        command += ["-i", f"https://localhost:{self.port}/stream", "-frames:v", str(FRAMES)]
        command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
        return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)

    def test_ffmpeg_verifies_the_certificate_and_decodes_without_a_complaint(self):
        done = self.ffmpeg(self.certificate)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        sums = [line.split(",")[5] for line in done.stdout.splitlines() if not line.startswith("#")]
        self.assertEqual(len(sums), FRAMES)
        self.assertEqual(len(set(sums)), FRAMES, "frames repeat")
        self.assertNotEqual(self.ffmpeg("/etc/ssl/certs/ca-certificates.crt").returncode, 0, "it trusts anybody")

    def test_opencv_reads_moving_frames_over_https(self):
        reads_moving_frames(self, f"https://localhost:{self.port}/video_feed")


class Browser(unittest.TestCase):
    def test_the_page_shows_moving_pictures_over_https_and_plain_http_leads_there(self):
        program, port, certificate = start(self)
        key = subprocess.run(
            ["openssl", "x509", "-noout", "-pubkey", "-in", str(certificate)], check=True, capture_output=True
        ).stdout
        key = ssl.PEM_cert_to_DER_cert(key.decode().replace("PUBLIC KEY", "CERTIFICATE"))
        trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
        flags = [f"--host-resolver-rules=MAP {NAME} 127.0.0.1", f"--ignore-certificate-errors-spki-list={trusted}"]
        browser = open_browser(self, *flags)
        set_screen(browser, "phone")
        browser.get(f"http://{NAME}:{program.port}/")
        self.assertEqual(browser.current_url, f"https://{NAME}:{port}/")
        await_moving(browser)
        until("it says live", lambda: state(browser) == "live")
        self.assertTrue(browser.execute_script("return isSecureContext"))
        picture = "const say = arguments[0]; fetch('/snapshot').then((got) => got.blob()).then((blob) => say(blob.type))"
        self.assertEqual(browser.execute_async_script(picture), "image/jpeg")
        browser.save_screenshot(str(OUT / "page-https.png"))
        complaints = [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"]
        self.assertEqual(complaints, [], "Chromium complains about the page")
