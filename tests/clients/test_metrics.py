"""Prometheus: /metrics through two parsers of its own, through the program itself, and the dashboard's questions."""

import json
import math
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from common import end, free_port
from program import OUT, STOP_S, WAIT_S, Program, WithProgram, until

ROOT = Path(__file__).parents[2]
DASHBOARD, API = ROOT / "board/grafana.json", ROOT / "docs/api.md"
FRAMES = 10

ZONE = 'cpu"\n}\\ {x='
"""What a thermal zone may call itself, as far as the kernel is concerned."""
SYSFS = """set -e
mount -t tmpfs none /sys
mkdir -p /sys/class/thermal/thermal_zone0 /sys/devices/platform/soc/soc:firmware
echo 48312 > /sys/class/thermal/thermal_zone0/temp
printf %s "$ZONE" > /sys/class/thermal/thermal_zone0/type
echo 50005 > /sys/devices/platform/soc/soc:firmware/get_throttled
exec "$@"
"""
"""A board that reports everything, visible to one process only. The rest of its /sys is empty."""


def get(url):
    with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
        return answer.read()


def watch(url, frames=FRAMES):
    """Takes part of a stream."""
    with urllib.request.urlopen(url, timeout=WAIT_S) as stream:
        for _ in range(frames):
            while not stream.readline().startswith(b"Content-Length"):
                pass


class Metrics(WithProgram):
    @classmethod
    def make_program(cls):
        may_mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/sys"]
        cls.tells = subprocess.run(may_mount, capture_output=True).returncode == 0
        if not cls.tells and os.environ.get("CI") == "true":
            raise AssertionError("no mount namespace can be made here")
        by = ["env", f"ZONE={ZONE}", "unshare", "--mount", "sh", "-c", SYSFS, "sh"] if cls.tells else []
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cameras, recordings = ["door=pattern", "garden=/dev/video-not-here"], ["--record-folder", folder.name, "--notify-command", "true"]
        return Program(*cameras, size=(320, 240), fps=cls.fps, by=by, options=recordings)

    def text(self):
        return get(self.url + "/metrics").decode()

    def families(self):
        """Every metric by its name; the parser fails on what is not of the format."""
        families = list(text_string_to_metric_families(self.text()))
        names = [family.name for family in families]
        self.assertEqual(len(names), len(set(names)), "a name comes twice")
        return families

    def samples(self):
        samples = {}
        for family in self.families():
            for sample in family.samples:
                key = (sample.name, *sorted(sample.labels.items()))
                self.assertNotIn(key, samples)
                samples[key] = (family.type, sample.value)
        return samples

    def test_prometheus_understands_every_metric(self):
        families = self.families()
        for family in families:
            self.assertIn(family.type, ["counter", "gauge", "histogram"], family.name)
            self.assertTrue(family.documentation, family.name)
            self.assertTrue(family.samples, f"{family.name} has no samples")
        names = {family.name for family in families}
        # The parser takes `_total` from the names of counters.
        for name in ["boardcam_frames_captured", "boardcam_frames_dropped", "boardcam_viewers", "process_cpu_seconds"]:
            self.assertIn(name, names)
        reasons = {s.labels["reason"] for f in families if f.name == "boardcam_frames_dropped" for s in f.samples}
        self.assertLessEqual({"flagged", "late", "truncated"}, reasons)

    def test_promtool_has_nothing_to_complain_of(self):
        check = subprocess.run(
            [os.environ["PROMTOOL"], "check", "metrics"], input=self.text(), text=True, capture_output=True
        )
        self.assertEqual((check.returncode, check.stdout + check.stderr), (0, ""))

    def test_counters_only_grow_while_viewers_and_smaller_pictures_come_and_go(self):
        before = self.samples()
        for path in ["/stream", "/stream?size=64x48", "/stream?quality=20&fps=10"]:
            watch(self.url + path)
            get(self.url + "/snapshot")
            after = self.samples()
            self.assertEqual(before.keys() - after.keys(), set(), "a series is gone")
            for key, (kind, value) in before.items():
                if kind != "gauge":
                    self.assertGreaterEqual(after[key][1], value, key)
            sent = ("boardcam_frames_sent_total", ("camera", "door"))
            self.assertGreaterEqual(after[sent][1], before[sent][1] + FRAMES)
            before = after

    def test_histograms_add_up(self):
        watch(self.url + "/stream")
        viewers = ("boardcam_viewers", ("camera", "door"))
        until("nobody watches", lambda: self.samples()[viewers][1] == 0)
        time.sleep(1 / self.fps)  # a frame that was under way
        histograms = [family for family in self.families() if family.type == "histogram"]
        self.assertEqual(len(histograms), 2)
        for family in histograms:
            of_door = [sample for sample in family.samples if sample.labels["camera"] == "door"]
            buckets = [(float(s.labels["le"]), s.value) for s in of_door if s.name.endswith("_bucket")]
            rest = {sample.name.rsplit("_", 1)[1]: sample.value for sample in of_door if "le" not in sample.labels}
            self.assertEqual(buckets, sorted(buckets), "bounds and counts must grow")
            self.assertEqual(buckets[-1], (math.inf, rest["count"]))
            self.assertGreaterEqual(rest["count"], FRAMES)
            least = most = lower = seen = 0
            for bound, count in buckets:
                least, most = least + lower * (count - seen), most + bound * (count - seen) if count > seen else most
                lower, seen = bound, count
            self.assertTrue(least <= rest["sum"] <= most, f"{least} <= {rest['sum']} <= {most}")

    def test_the_board_reports_its_temperature_and_why_it_is_slow_whatever_its_zones_are_called(self):
        if not self.tells:
            self.skipTest("no mount namespace can be made here")
        samples = self.samples()
        zone = ("boardcam_board_temperature_celsius", ("type", ZONE), ("zone", "0"))
        self.assertEqual(samples[zone][1], 48.312)
        for name in ["boardcam_board_throttled", "boardcam_board_throttled_before"]:
            told = {key[1][1]: value for key, (_, value) in samples.items() if key[0] == name}
            expected = {"under_voltage": 1, "frequency_capped": 0, "throttled": 1, "soft_temperature_limit": 0}
            self.assertEqual(told, expected)

    def test_the_docs_name_every_metric_and_no_other(self):
        table = re.search(r"\n\| names \| about \|\n.*?\n\n", API.read_text(), re.DOTALL)[0]
        named = {name if name.startswith("process_") else "boardcam_" + name for name in re.findall(r"`(\w+)`", table)}
        families = {line.split()[2] for line in self.text().splitlines() if line.startswith("# TYPE ")}
        if not self.tells:
            named = {name for name in named if "_board_" not in name}
        self.assertEqual(named, families)

    def questions(self):
        """What the dashboard asks, with its variables filled in as Grafana does."""
        dashboard = json.loads(DASHBOARD.read_text())
        self.assertGreaterEqual(dashboard["schemaVersion"], 39)
        variables = {one["name"]: one for one in dashboard["templating"]["list"]}
        self.assertEqual((variables["datasource"]["type"], variables["datasource"]["query"]), ("datasource", "prometheus"))
        ids, asked = set(), []
        for panel in dashboard["panels"]:
            self.assertEqual(panel["datasource"]["uid"], "${datasource}", panel["title"])
            ids.add(panel["id"])
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for target in panel["targets"]:
                self.assertEqual(target["datasource"]["uid"], "${datasource}", panel["title"])
                asked.append(target["expr"])
        self.assertEqual(len(ids), len(dashboard["panels"]), "two panels have one id")
        for name, one in variables.items():
            if one["type"] == "query":
                asked.append(re.fullmatch(r"label_values\((\w+), (\w+)\)", one["definition"])[1])
                self.assertEqual(one["allValue"], ".*")
        filled = [re.sub(r"\$(instance|camera)\b", ".*", text.replace("$__rate_interval", "30s")) for text in asked]
        for text in filled:
            self.assertNotIn("$", text, "a variable that the dashboard does not have")
        return filled

    def test_the_dashboard_asks_only_for_metrics_that_exist(self):
        there = {key[0] for key in self.samples()}
        board = {name for name in there if name.startswith("boardcam_board_")}
        asked = set()
        for text in self.questions():
            asked |= set(re.findall(r"\b(?:boardcam|process)_\w+", text))
        if self.tells:
            self.assertEqual(asked - there, set())
            self.assertEqual(board - asked, set(), "what the board tells is not on the dashboard")
        else:
            self.assertEqual({name for name in asked - there if "_board_" not in name}, set())

    def test_prometheus_scrapes_it_and_answers_what_the_dashboard_asks(self):
        port = free_port()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        settings = Path(folder.name, "prometheus.yml")
        settings.write_text(
            "scrape_configs:\n- job_name: boardcam\n  scrape_interval: 1s\n"
            f"  static_configs: [{{targets: ['127.0.0.1:{self.program.port}']}}]\n"
        )
        command = [
            os.environ["PROMETHEUS"],
            f"--config.file={settings}",
            f"--storage.tsdb.path={folder.name}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with open(OUT / "prometheus.log", "w") as log:
            prometheus = subprocess.Popen(command, stdout=log, stderr=log)

        self.addCleanup(end, prometheus, STOP_S)

        def ask(text):
            try:
                url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
                answer = json.loads(get(url))
            except urllib.error.HTTPError as error:
                if error.code == 503:
                    return []  # it starts
                raise AssertionError(f"{text}: {error.read()}") from error
            except OSError:
                self.assertIsNone(prometheus.poll(), f"Prometheus ended; see {OUT}/prometheus.log")
                return []  # it starts
            self.assertEqual(answer["status"], "success", text)
            return answer["data"]["result"]

        until("Prometheus has it", lambda: ask('up{job="boardcam"} == 1'))
        watch(self.url + "/stream?size=64x48", 90)  # a few scrapes long, or there are no rates
        watch(self.url + "/stream?size=64x48", 30)
        for text in self.questions():
            with self.subTest(text):
                # What is only seen when something is wrong, and what only a board has.
                if text.endswith("> 0") or ("_board_" in text and not self.tells):
                    ask(text)
                else:
                    until(f"an answer to {text}", lambda: ask(text))
