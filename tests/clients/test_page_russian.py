"""In a Russian browser, what the server says is in Russian too: a broken camera, a recording, a refusal."""

import re
import tempfile
from pathlib import Path

from browser import WithBrowser, speak, state, text
from program import Program, until

# What is not translated: options, commands, paths, names of errors, formats and programs.
LATIN = re.compile(
    r"«[^»]*»|\([^)]*[A-Z0-9]+\)|--[a-z-]+|[\w]*/[\w./-]+|\"[^\"]*\"|record-folder|pipe:exit|"
    r"\b(boardcam|USB|JPEG|gone|away|here|key|in)\b"
)


class Words(WithBrowser):
    @classmethod
    def make_program(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.recordings = Path(folder.name) / "recordings"
        cls.recordings.mkdir()
        cameras = ["here=pattern", "gone=/dev/video9", "away=pipe:exit 3"]
        return Program(*cameras, options=["--record-folder", str(cls.recordings)])

    def setUp(self):
        super().setUp()
        speak(self.browser, "ru-RU")

    def check_russian(self, words):
        self.assertRegex(words, "[а-я]")
        self.assertNotRegex(LATIN.sub("", words), "[a-zA-Z]", words)

    def check_problem(self, camera, *parts):
        self.open(f"/#{camera}")
        until("the problem", lambda: state(self.browser) == "waiting" and text(self.browser, "problem"))
        for id in ["what", "why", "advice"]:
            self.check_russian(text(self.browser, id))
        self.assertEqual(self.run_js("return document.getElementById('problem').lang"), "ru")
        for part in parts:
            self.assertIn(part, text(self.browser, "problem"))

    def test_a_mistake_in_the_settings_is_said_in_russian(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('camera = "pattern"\nqualty = 5\n')
            file.flush()
            program = Program("pattern", options=["--appliance", "--config", file.name])
        self.addCleanup(program.stop)
        self.browser.get(program.url)
        until("the problem", lambda: text(self.browser, "problem"))
        self.assertIn("Ошибка в строке 2 файла настроек", text(self.browser, "what"))
        self.assertEqual(text(self.browser, "why"), "Настройки «qualty» здесь нет")
        self.assertEqual(text(self.browser, "advice"), "Возможно, имелось в виду quality")

    def test_a_camera_that_is_not_there_is_said_in_russian(self):
        self.check_problem("gone", "Не удаётся открыть /dev/video9", "Такого устройства нет (ENOENT)", "«boardcam probe»")

    def test_a_command_that_ends_is_said_in_russian(self):
        self.check_problem("away", "Код завершения: 3")

    def test_tiles_of_broken_cameras_are_in_russian(self):
        self.open()
        parts = "return [...document.querySelectorAll('.tile .what, .tile .advice')].map((part) => part.textContent)"
        shown = until("the tiles", lambda: (found := self.run_js(parts)).count("") == 2 and found)
        for part in filter(None, shown):
            self.check_russian(part)

    def test_a_snapshot_that_is_refused_says_why_in_russian(self):
        self.check_problem("gone")
        self.browser.find_element("id", "snapshot").click()
        note = until("the note", lambda: text(self.browser, "note"))
        self.assertIn("Не удаётся открыть /dev/video9", note)
        self.check_russian(note)

    def test_a_recording_without_its_folder_says_why_in_russian(self):
        self.open("/#here")
        until("live", lambda: state(self.browser) == "live")
        self.recordings.rmdir()
        self.run_js("document.getElementById('record').click()")
        said = re.compile("(Запись не идёт|Записать не получится): .+")
        shown = until("the problem", lambda: said.fullmatch(now := text(self.browser, "recorded")) and now)
        self.check_russian(shown)
