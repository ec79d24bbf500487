"""The settings in docs/recipes.md, tried on the real program with what can run here."""

import configparser
import json
import os
import re
import subprocess
import tempfile
import tomllib
import urllib.request
from pathlib import Path

import yaml

from common import free_port
from program import OUT, STOP_S, WAIT_S, Parts, Program, WithProgram, check_jpeg, listens, until
from proxy import nginx_command
from recipes import BOARD, RECIPES, settings, snippet

NAME = "camera.example.org"


class Recipes(WithProgram):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        file = Path(folder.name, "boardcam.toml")
        file.write_text(snippet("toml", "boardcam"))
        return Program(fps=cls.fps, options=["--config", str(file)])

    def setUp(self):
        def quiet():
            self.state = json.loads(self.open(self.url + "/state").read())
            return self.state["cameras"][0]["state"] == "live" and not self.state["viewers"]

        until("pictures come and nobody watches", quiet)

    def open(self, url):
        answer = urllib.request.urlopen(url, timeout=WAIT_S)
        self.addCleanup(answer.close)
        return answer

    def check_stream(self, url):
        answer = self.open(url)
        self.assertTrue(answer.headers["content-type"].startswith("multipart/x-mixed-replace;boundary="), url)
        self.assertEqual(answer.read(2), b"--")

    def check_snapshot(self, url):
        answer = self.open(url)
        self.assertEqual(answer.headers["content-type"], "image/jpeg", url)
        check_jpeg(answer.read())

    def test_every_url_of_the_recipes_leads_to_what_it_says(self):
        urls = set(re.findall(rf"{re.escape(BOARD)}(/[\w/?=]*)", RECIPES))
        self.assertLessEqual({"/stream", "/snapshot", "/state", "/"}, urls)
        for path in urls:
            with self.subTest(path):
                url = self.url + path
                if "stream" in path:
                    self.check_stream(url)
                elif "snapshot" in path:
                    self.check_snapshot(url)
                else:
                    self.assertEqual(self.open(url).status, 200)

    def test_every_block_of_settings_is_tried(self):
        blocks = {tuple(words.split()) for words in re.findall(r"^```(.+)$", RECIPES, re.MULTILINE)}
        checks = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
        tried = set(re.findall(r'snippet\("(\w+)", "([\w-]+)"\)', checks))
        tried |= {("yaml", name) for name in re.findall(r'settings\("([\w-]+)"\)', checks)}
        tried |= {("sh", name) for name in re.findall(r'self\.recipe\("([\w-]+)"\)', checks)}
        tests = "".join(file.read_text() for file in (Path(__file__).parents[1] / "outside").glob("*.rs"))
        tried |= set(re.findall(r"```(\w+) ([\w-]+)\\n", tests))
        self.assertEqual(blocks, tried)

    def test_a_camera_that_hangs_upside_down_is_turned_by_its_settings(self):
        file, text = Path(self.folder, "upside-down.toml"), snippet("toml", "upside-down")
        for settings_text, code in [(text, 0), (text.replace("180", "45"), 2)]:
            file.write_text(settings_text.replace("/dev/video0", "pattern"))
            command = [os.environ["BOARDCAM_BIN"], "check", "--config", str(file)]
            checked = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
            self.assertEqual(checked.returncode, code, checked.stdout + checked.stderr)
        self.assertIn("rotate", checked.stderr)

    def test_frigates_input_is_the_stream_that_its_go2rtc_makes(self):
        frigate = settings("frigate")
        ((name, source),) = frigate["go2rtc"]["streams"].items()
        kind, url = source.split("#")[0].split(":", 1)
        self.assertEqual(kind, "ffmpeg")
        self.check_stream(url.replace(BOARD, self.url))
        (given,) = frigate["cameras"][name]["ffmpeg"]["inputs"]
        self.assertEqual(given["path"], f"rtsp://127.0.0.1:8554/{name}")

    def test_go2rtc_gets_a_stream_under_the_name_that_viewers_open(self):
        ((name, url),) = settings("go2rtc")["streams"].items()
        self.check_stream(url.replace(BOARD, self.url))
        self.assertEqual(set(re.findall(r":1984/\S+\?src=(\w+)", RECIPES)), {name})

    def test_mediamtx_is_sent_h264_by_the_line_that_it_runs(self):
        ((name, path),) = settings("mediamtx")["paths"].items()
        port, video = free_port(), f"{self.folder}/door.mkv"
        # In the place of MediaMTX: ffmpeg listens and takes what is published.
        server = ["ffmpeg", "-v", "error", "-y", "-rtsp_flags", "listen", "-i", f"rtsp://127.0.0.1:{port}/{name}"]
        with open(OUT / "recipes-ffmpeg.log", "w") as log:
            server = subprocess.Popen([*server, "-frames:v", "30", "-c", "copy", video], stdin=subprocess.DEVNULL, stderr=log)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)

            # One that only looks whether it listens would be its one client: so the kernel is asked.
            line = f":{port:04X} 00000000:0000 0A"
            until("ffmpeg listens", lambda: server.poll() is None and line in Path("/proc/net/tcp").read_text())
            line = path["runOnDemand"].replace(BOARD, self.url).replace("localhost", "127.0.0.1")
            command = ["sh", "-c", f"exec {line}"]
            environment = {**os.environ, "RTSP_PORT": str(port), "MTX_PATH": name}
            publisher = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=log)
            self.addCleanup(publisher.wait)
            self.addCleanup(publisher.kill)
            until(f"30 frames, see {log.name}", lambda: server.poll() is not None)
        show = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,nb_read_frames"]
        told = subprocess.run([*show, "-of", "json", video], check=True, capture_output=True).stdout
        (stream,) = json.loads(told)["streams"]
        self.assertEqual((stream["codec_name"], stream["width"], stream["nb_read_frames"]), ("h264", 640, "30"))

    def test_prometheus_takes_its_settings(self):
        file = Path(self.folder, "prometheus.yml")
        for text in [snippet("yaml", "prometheus"), snippet("yaml", "prometheus") + snippet("yaml", "prometheus-users")]:
            file.write_text(text)
            check = subprocess.run([os.environ["PROMTOOL"], "check", "config", file], capture_output=True, text=True)
            self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        self.assertEqual(yaml.safe_load(text)["scrape_configs"][0]["basic_auth"]["username"], "ben")
        (job,) = settings("prometheus")["scrape_configs"]
        self.assertEqual(job["static_configs"], [{"targets": [BOARD.removeprefix("http://")]}])

    def nginx(self, servers):
        """Runs nginx with these servers, after it has found them right."""
        command = nginx_command(self.folder, servers)
        check = subprocess.run([*command, "-t"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)
        nginx = subprocess.Popen(command)
        self.addCleanup(nginx.wait, STOP_S)
        self.addCleanup(nginx.terminate)
        return nginx

    def test_mainsail_and_fluidd_find_the_camera_behind_their_nginx(self):
        moonraker = configparser.ConfigParser()
        moonraker.read_string(snippet("ini", "moonraker"))
        webcam = moonraker["webcam board"]
        self.assertIn(webcam["service"], ["mjpegstreamer", "mjpegstreamer-adaptive"])
        port = free_port()
        location = snippet("nginx", "webcam").replace(BOARD, self.url)
        nginx = self.nginx(f"server {{ listen 127.0.0.1:{port};\n{location}}}")
        until("nginx listens", lambda: nginx.poll() is None and listens(port))
        self.check_stream(f"http://127.0.0.1:{port}{webcam['stream_url']}?cacheBust=1")
        self.check_snapshot(f"http://127.0.0.1:{port}{webcam['snapshot_url']}?cacheBust=1")

    def test_nginx_serves_it_under_a_real_name_with_a_certificate(self):
        self.assertEqual(tomllib.loads(snippet("toml", "boardcam"))["host"], NAME)
        key, certificate = f"{self.folder}/key.pem", f"{self.folder}/certificate.pem"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
        make += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", certificate]
        subprocess.run(make, check=True, capture_output=True)
        plain, secure = free_port(), free_port()
        servers = snippet("nginx", "boardcam")
        for written, here in [
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
            ("listen [::]:80;", ""),
            ("listen [::]:443 ssl;", ""),
            (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", certificate),
            (f"/etc/letsencrypt/live/{NAME}/privkey.pem", key),
            ("http://127.0.0.1:8080", self.url),
        ]:
            self.assertEqual(servers.count(written), 1, written)
            servers = servers.replace(written, here)
        nginx = self.nginx(servers)
        until("nginx listens", lambda: nginx.poll() is None and listens(secure))
        ask = ["curl", "--silent", "--show-error", "--max-time", str(WAIT_S), "--cacert", certificate]
        ask += ["--resolve", f"{NAME}:{secure}:127.0.0.1", "--resolve", f"{NAME}:{plain}:127.0.0.1"]

        def get(url, *options):
            return subprocess.run([*ask, *options, url], check=True, capture_output=True).stdout

        moved = get(f"http://{NAME}:{plain}/stream?fps=5", "--include").decode()
        self.assertRegex(moved, rf"^HTTP/1\.1 301 [\s\S]*\nLocation: https://{re.escape(NAME)}/stream\?fps=5\r\n")
        self.assertIn(b"<html", get(f"https://{NAME}:{secure}/"))
        check_jpeg(get(f"https://{NAME}:{secure}/snapshot"))
        self.assertEqual(json.loads(get(f"https://{NAME}:{secure}/state"))["ok"], True)
        stream = [*ask, "--no-buffer", "--include", "--http1.0", f"https://{NAME}:{secure}/stream"]
        with subprocess.Popen(stream, stdout=subprocess.PIPE) as process:
            try:
                parts = Parts(process.stdout)
                for _ in range(5):
                    parts.next()
            finally:
                process.kill()

    def test_how_many_viewers_a_network_carries_is_computed_right(self):
        one = 30 * 100_000 * 8 / 1e6
        self.assertIn(f"30 × 100,000 × 8 = {one:.0f} Mbit/s", RECIPES)
        rows = re.findall(r"^\| [^|]*(?:Ethernet|Gigabit|Wi-Fi)[^|]*\| (\d+) \| (\d+) \| (\d+) \|$", RECIPES, re.MULTILINE)
        self.assertEqual(len(rows), 4)
        for left, full, five in rows:
            self.assertEqual((int(full), int(five)), (int(left) // one, int(left) // (one / 6)))
