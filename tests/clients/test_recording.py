"""Recordings: what ffmpeg, ffprobe and VLC make of the files, the page's button and list in Chromium, and disks that
are full, slow, read-only or pulled out."""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

from selenium.webdriver.common.keys import Keys

import disk
from browser import WithBrowser, get_state, set_media, set_screen, state, text
from program import STOP_S, WAIT_S, Parts, Program, until
from test_vlc import NOBODY

SMALL = (320, 240)


def ask(program, path, method="GET", **body):
    data = json.dumps(body).encode() if body else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(program.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.loads(answer.read())


def recording(program):
    return get_state(program)["cameras"][0]["recording"]


def await_frames(program, more):
    before = recording(program)["frames"]
    until(f"{more} recorded frames", lambda: recording(program)["frames"] >= before + more)


def quietly(*command, **more):
    """What a command prints; it must not complain."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=WAIT_S, **more)
    assert (done.returncode, done.stderr) == (0, ""), (command, done.returncode, done.stderr)
    return done.stdout


def decode(path, *before):
    """The number of frames that ffmpeg decodes without a complaint."""
    told = quietly("ffmpeg", "-nostdin", "-v", "error", *before, "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return sum(not line.startswith("#") for line in told.splitlines())


def probe(path, entries):
    return json.loads(quietly("ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", path))


def times(path):
    """When each frame is to be shown, in seconds."""
    return [float(packet["pts_time"]) for packet in probe(path, "packet=pts_time")["packets"]]


class Recorder(contextlib.ExitStack):
    """A running boardcam that can record into a folder."""

    def __init__(self, test, folder=None, *options, cameras=(), size=SMALL):
        super().__init__()
        test.addCleanup(self.close)
        self.folder = Path(folder or self.enter_context(tempfile.TemporaryDirectory()))
        options = ["--record-folder", str(self.folder), *options]
        if "--record-min-free" not in options:
            options += ["--record-min-free", "1"]
        self.program = Program(*cameras, size=size, options=options)
        self.callback(self.program.kill)

    def files(self):
        return sorted(self.folder.glob("*Z*.mkv"))

    def switch(self, on):
        ask(self.program, "/api/recording", "POST", on=on)

    def record_one(self, frames):
        """A closed file with at least this many frames."""
        self.switch(True)
        await_frames(self.program, frames)
        self.switch(False)
        until("a closed file", lambda: recording(self.program)["file"] is None)
        return self.files()[-1]


class Files(unittest.TestCase):
    def test_a_closed_recording_is_opened_seeked_and_decoded_whole(self):
        recorder = Recorder(self)
        file = recorder.record_one(60)
        told = probe(file, "stream=codec_name,width,height:format=format_name,duration")
        self.assertEqual(told["format"]["format_name"], "matroska,webm")
        self.assertEqual(told["streams"], [{"codec_name": "mjpeg", "width": SMALL[0], "height": SMALL[1]}])
        shown = times(file)
        self.assertAlmostEqual(float(told["format"]["duration"]), shown[-1], delta=0.002)
        self.assertEqual(decode(file), len(shown))
        middle = shown[-1] / 2
        after = decode(file, "-ss", f"{middle:.3f}")
        self.assertAlmostEqual(after, sum(at >= middle for at in shown), delta=1)
        # Over the network ffmpeg seeks by byte ranges.
        url = f"{recorder.program.url}/api/recordings/{file.name}"
        until("it to be listed", lambda: ask(recorder.program, "/api/recordings")["bytes"] == file.stat().st_size)
        self.assertEqual(decode(url, "-ss", f"{middle:.3f}"), after)
        self.assertEqual(decode(url), len(shown))
        recorder.program.stop()

    def test_frames_have_the_times_they_were_captured_at(self):
        # Not at all evenly: what counts is the capture.
        source = "for n in 1 2 3 4 5 6; do cat $F; sleep 0.$n; done"
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "picture.jpg"
            quietly("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240", "-frames:v", "1", picture)
            source = f"F={picture}; while :; do {source}; done"
            with contextlib.closing(Recorder(self, None, "--record", "always", cameras=[f"pipe:{source}"])) as recorder:
                with urllib.request.urlopen(recorder.program.url + "/stream", timeout=WAIT_S) as answer:
                    boundary = re.search("boundary=(.*)", answer.headers["Content-Type"])[1].encode()
                    self.assertEqual(answer.readline(), b"--" + boundary + b"\r\n")
                    until("a recording", lambda: recording(recorder.program)["frames"])
                    parts = Parts.__new__(Parts)
                    parts.file, parts.boundary = answer, b"--" + boundary + b"\r\n"
                    captured = []
                    while len(captured) < 12:
                        parts.next()
                        captured.append(parts.taken)
                await_frames(recorder.program, 6)
                recorder.program.stop()
                gaps = [after - before for before, after in zip(captured, captured[1:])]
                self.assertGreater(max(gaps) - min(gaps), 0.3, "the camera was even")
                shown = times(recorder.files()[0])
                recorded = [after - before for before, after in zip(shown, shown[1:])]
                near = lambda start: all(abs(a - b) < 0.004 for a, b in zip(recorded[start:], gaps))
                places = range(len(recorded) - len(gaps) + 1)
                self.assertTrue(any(near(start) for start in places), (gaps, recorded))

    def test_a_recording_cut_by_a_power_failure_plays_up_to_its_last_second(self):
        recorder = Recorder(self, None, "--record", "always")
        await_frames(recorder.program, 60)
        with urllib.request.urlopen(recorder.program.url + "/api/recordings", timeout=WAIT_S) as answer:
            start = json.load(answer)["recordings"][0]["start"]
        recorder.program.kill()
        killed = time.time()
        file = recorder.files()[0]
        shown = times(file)
        self.assertEqual(decode(file), len(shown))
        began = time.mktime(time.strptime(start, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        # The name has whole seconds; a cluster has one, and is handed over a moment later.
        self.assertLess(killed - began - shown[-1], 3.5)
        # And it can be searched, without an index.
        self.assertGreater(decode(file, "-ss", f"{shown[-1] / 2:.3f}"), 0)
        again = Recorder(self, recorder.folder)
        listed = until("it to be listed", lambda: ask(again.program, "/api/recordings")["recordings"])
        self.assertEqual([one["name"] for one in listed], [file.name])
        self.assertEqual(decode(again.program.url + listed[0]["url"]), len(shown))

    def test_vlc_plays_and_seeks_a_recording(self):
        file = Recorder(self).record_one(60)
        seconds = times(file)[-1]
        for start, least in [(0, seconds / 2), (seconds * 0.7, 0)]:
            with self.subTest(start=start), tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o777)
                copy = Path(folder) / "copy.mkv"
                copy.write_bytes(file.read_bytes())
                os.chmod(copy, 0o644)
                command = ["cvlc", "--intf", "dummy", "--no-audio", "--vout", "dummy", "--no-video-title-show"]
                command += ["--play-and-exit", f"--start-time={start:.2f}", "--video-filter", "scene"]
                command += ["--scene-format", "png", "--scene-path", folder, "--scene-ratio", "5", str(copy)]
                who = [] if os.geteuid() else NOBODY
                begin = time.monotonic()
                environment = {**os.environ, "HOME": folder}
                done = subprocess.run(who + command, env=environment, capture_output=True, timeout=WAIT_S)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue([*Path(folder).glob("scene*.png")], done.stderr)
                self.assertGreater(time.monotonic() - begin, least)

    def test_a_time_lapse_plays_at_twenty_five_frames_a_second(self):
        recorder = Recorder(self, None, "--record-every", "1")
        file = recorder.record_one(4)
        shown = times(file)
        self.assertGreaterEqual(len(shown), 4)
        self.assertEqual([round(at * 1000) for at in shown], [40 * n for n in range(len(shown))])
        self.assertEqual(decode(file), len(shown))


class Disks(unittest.TestCase):
    def watch(self, program):
        """A function that waits until a viewer that reads all the time has received this many more frames."""
        answer = urllib.request.urlopen(program.url + "/stream", timeout=WAIT_S)
        got = []

        def read():
            with answer, contextlib.suppress(OSError):
                for line in answer:
                    if line.startswith(b"Content-Length"):
                        got.append(line)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def goes_on(frames=30):
            before = len(got)
            until(f"{frames} live frames", lambda: len(got) >= before + frames or not reader.is_alive())
            self.assertTrue(reader.is_alive(), "the stream has ended")

        return goes_on

    def problem(self, program):
        told = recording(program)["problem"]
        return " ".join(told[part] for part in ["what", "why", "advice"]) if told else ""

    def test_a_full_disk_is_reported_costs_no_viewer_and_recording_resumes_when_it_has_space(self):
        with disk.plugged_in("8m") as small:
            options = ["--record", "always", "--record-segment", "2", "--record-min-free", "2"]
            with contextlib.closing(Recorder(self, small.recordings, *options)) as recorder:
                program = recorder.program
                goes_on = self.watch(program)
                await_frames(program, 30)
                filler = small.place / "of somebody else"
                # Unbuffered, so that closing it does not write what no longer fits.
                with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(1 << 16))
                told = until("it to be told", lambda: self.problem(program))
                self.assertTrue("must stay free" in told or "the disk is full" in told, told)
                before = recording(program)["dropped"]
                goes_on()
                until("dropped frames", lambda: recording(program)["dropped"] > before)
                self.assertEqual(filler.stat().st_size > 1 << 20, True, "a file of somebody else was touched")
                filler.unlink()
                await_frames(program, 30)
                until("no problem", lambda: not self.problem(program))
                goes_on()
                program.stop()
                for file in recorder.files():
                    self.assertGreater(decode(file), 0)

    def test_a_disk_that_takes_names_and_no_bytes_is_not_filled_with_empty_files(self):
        recorder = Recorder(self)
        program = recorder.program
        with self.traced_disk(program, "error=EDQUOT"):
            recorder.switch(True)
            until("it to be told", lambda: "quota" in self.problem(program))
            # It tries again each second.
            before = recording(program)["dropped"]
            until("three more seconds", lambda: recording(program)["dropped"] > before + 100)
            self.assertLessEqual(len(recorder.files()), 1, "more than the one that it is trying")
        await_frames(program, 30)
        until("no problem", lambda: not self.problem(program))
        program.stop()
        self.assertEqual(len(recorder.files()), 1)

    @contextlib.contextmanager
    def traced_disk(self, program, fate):
        """Within it each write of the disk's thread, and of no other, has this fate."""
        tasks = Path(f"/proc/{program.process.pid}/task")
        named = lambda: [task for task in tasks.iterdir() if (task / "comm").read_text().startswith("disk ")]
        [thread] = until("the disk's thread", named)
        strace = subprocess.Popen(
            ["strace", "-qq", "-e", "trace=pwrite64", "-e", f"inject=pwrite64:{fate}", "-p", thread.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until("strace", lambda: "TracerPid:\t0\n" not in (thread / "status").read_text())
            yield
        finally:
            strace.kill()
            strace.wait()

    def test_the_oldest_make_room_so_that_some_of_the_disk_stays_free(self):
        with disk.plugged_in("6m") as small:
            options = ["--record", "always", "--record-segment", "1", "--record-min-free", "5"]
            with contextlib.closing(Recorder(self, small.recordings, *options)) as recorder:
                first = until("a recording", recorder.files)[0]
                until("it to make room", lambda: not first.exists())
                await_frames(recorder.program, 60)
                until("no problem", lambda: not self.problem(recorder.program))
                recorder.program.stop()

    def test_a_disk_that_is_pulled_out_is_reported_and_recording_resumes_when_it_is_back(self):
        with disk.plugged_in("16m") as small:
            with contextlib.closing(Recorder(self, small.recordings, "--record", "always")) as recorder:
                program = recorder.program
                goes_on = self.watch(program)
                await_frames(program, 30)
                small.pull_out()
                until("it to be told", lambda: "mount its disk" in self.problem(program))
                goes_on()
                self.assertEqual([*small.place.iterdir()], [], "it recorded beside the disk")
                small.plug_in()
                await_frames(program, 30)
                until("no problem", lambda: not self.problem(program))
                self.assertEqual(len(recorder.files()), 1)
                goes_on()
                program.stop()

    def test_a_read_only_disk_is_reported_until_it_is_writable(self):
        with disk.plugged_in("16m") as small:
            small.remount("ro")
            with contextlib.closing(Recorder(self, small.recordings, "--record", "always")) as recorder:
                goes_on = self.watch(recorder.program)
                until("it to be told", lambda: "read-only" in self.problem(recorder.program))
                goes_on()
                small.remount("rw")
                await_frames(recorder.program, 30)
                until("no problem", lambda: not self.problem(recorder.program))
                recorder.program.stop()

    def test_a_read_only_disk_is_said_before_anybody_records(self):
        with disk.plugged_in("16m") as small:
            small.remount("ro")
            with contextlib.closing(Recorder(self, small.recordings)) as recorder:
                told = lambda: get_state(recorder.program)["recordings"]
                problem = until("it to be told", lambda: told()["problem"])
                self.assertIn("read-only", problem["why"])
                self.assertTrue(told()["blocked"])
                small.remount("rw")
                until("no problem", lambda: not told()["problem"] and not told()["blocked"])
                recorder.program.stop()

    def test_a_disk_that_hangs_costs_frames_of_the_recording_and_no_live_ones(self):
        # Large pictures, so that what may wait for the disk is used up soon.
        folder = self.enterContext(tempfile.TemporaryDirectory())
        picture = Path(folder) / "picture.jpg"
        source = "testsrc2=size=1280x720,noise=alls=100"
        quietly("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1", "-q:v", "1", picture)
        camera = f"pipe:while cat {picture}; do sleep 0.03; done"
        recorder = Recorder(self, None, "--record", "always", cameras=[camera])
        program = recorder.program
        goes_on = self.watch(program)
        await_frames(program, 30)
        self.enterContext(self.traced_disk(program, "delay_enter=600000000"))  # ten minutes
        until("it to be told", lambda: "busy" in self.problem(program))
        live = get_state(program)["cameras"][0]["frames"]
        goes_on()
        until("dropped frames", lambda: recording(program)["dropped"] > 0)
        self.assertEqual(get_state(program)["cameras"][0]["frames"]["dropped"]["no_slot"], live["dropped"]["no_slot"])
        # It ends all the same: only the thread that strace holds is left of it then.
        program.process.send_signal(signal.SIGTERM)
        leader = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/stat")
        until("the end, which must not wait for the disk", lambda: leader.read_text().rsplit(")")[1].split()[0] == "Z", STOP_S)


class Page(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        return Program(size=SMALL, options=["--record-folder", folder.name, "--record-min-free", "1"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.take_downloads()

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")

    def watch(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")

    def press(self, *keys):
        self.browser.find_element("tag name", "body").send_keys(*keys)

    def button(self):
        return self.browser.find_element("id", "record")

    def rows(self):
        return self.browser.find_elements("css selector", "#list li")

    def test_one_presses_record_sees_the_list_grow_downloads_and_deletes(self):
        for screen in ["phone", "desktop"]:
            with self.subTest(screen):
                set_screen(self.browser, screen)
                self.watch()
                until("the button", self.button().is_displayed)
                self.assertEqual(self.button().get_attribute("aria-label"), "Record")
                self.button().click()
                until("it offers the end", lambda: self.button().get_attribute("aria-label") == "Stop recording")
                until("it is said", lambda: text(self.browser, "recorded") == "Recording")
                await_frames(self.program, 30)
                self.press("p")
                until("a row", self.rows)
                until("it is being recorded", lambda: "Recording" in self.rows()[0].text)
                self.assertFalse(self.rows()[0].find_element("css selector", ".pick ~ button").is_enabled())
                self.press(Keys.ESCAPE)
                until("live", lambda: state(self.browser) == "live" and self.button().is_displayed())
                self.press("r")
                until("it is off", lambda: self.button().get_attribute("aria-label") == "Record")
                self.press("p")
                until("its size", lambda: re.search(r"\d [kM]B", self.rows()[0].text) and "Recording" not in self.rows()[0].text)
                disk = self.browser.find_element("css selector", "#found > .hint").text
                self.assertRegex(disk, r"\d [kM]B used, \d+ [GT]B free")
                self.rows()[0].find_element("css selector", "a[download$=mkv]").click()
                [file] = until("a download", lambda: [*self.downloads.glob("camera_*Z.mkv")])
                kept = self.folder / file.name
                until("all of it", lambda: file.exists() and file.stat().st_size == kept.stat().st_size)
                self.assertGreaterEqual(decode(file), 30)
                file.unlink()
                delete = self.rows()[0].find_element("css selector", ".pick ~ button")
                self.assertIn("Delete", delete.get_attribute("aria-label"))
                delete.click()
                self.browser.switch_to.alert.dismiss()
                self.assertTrue(kept.exists())
                delete.send_keys(Keys.ENTER)
                self.browser.switch_to.alert.accept()
                until("no row", lambda: not self.rows())
                until("no file", lambda: not kept.exists())

    def test_what_keeps_it_from_recording_is_said_on_the_page(self):
        aside = self.folder.with_suffix(".aside")
        self.watch()
        self.folder.rename(aside)
        try:
            self.button().click()
            until("it is said", lambda: "mount its disk" in text(self.browser, "recorded"))
            time.sleep(self.run_js("return IDLE_MS") / 1000 + 1)
            self.assertFalse(self.run_js("return document.body.classList.contains('idle')"), "it is said where nobody looks")
        finally:
            aside.rename(self.folder)
        until("it records", lambda: text(self.browser, "recorded") == "Recording")
        self.press("r")
        until("it has ended", lambda: not text(self.browser, "recorded"))


class PageWithoutFolder(WithBrowser):
    def test_the_page_says_how_recording_is_made_possible(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.browser.find_element("id", "options").click()
        until("it is said", lambda: "record-folder" in text(self.browser, "no-folder"))
        self.assertFalse(self.browser.find_element("id", "recordings").is_displayed())
