"""The files that go onto a board, looked at without one."""

import re
import tempfile
import unittest

from board import BOARD, PROGRAM, run

UNIT = BOARD / "boardcam.service"


def settings(printed):
    """What check prints without what it says of this machine at this moment: local time, addresses, folder."""
    return printed.split("\n# time zone: ")[0] if "\n# time zone: " in printed else printed


class Settings(unittest.TestCase):
    text = (BOARD / "boardcam.toml").read_text()

    def check(self, text, code=0):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            return settings(run(PROGRAM, "--config", file.name, "check", code=code))

    def test_the_example_settings_are_right_and_say_nothing_but_the_defaults(self):
        self.assertEqual(self.check(self.text), settings(run(PROGRAM, "check")))

    def test_every_example_line_is_right_when_its_sign_is_taken_away(self):
        whole = re.sub(r"^#(?=\S)", "", self.text, flags=re.M)
        # A folder with a page of your own must be there.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        whole = whole.replace("/srv/page", folder.name)
        # Either one camera or several.
        one, several = whole.split("[[camera]]")
        self.check(one)
        self.check(one.replace('camera = "auto"\n', "") + "[[camera]]" + several)
        self.assertIn("line ", self.check(one + "sise = 1\n", code=2))

    def test_the_examples_show_the_defaults(self):
        defaults = settings(run(PROGRAM, "check"))
        shown = re.findall(r'^#(format|encoder|listen|name|log|log-format|verbose|camera|max-connections) = (.*)$',
                           self.text.split("#[[camera]]")[0], re.M)
        self.assertEqual(self.check("".join(f"{name} = {value}\n" for name, value in shown)), defaults)

    def test_the_example_settings_name_every_option_and_no_other(self):
        options = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", run(PROGRAM, "--help"), re.M))
        named = set(re.findall(r"^#([a-z-]+) = ", self.text, re.M)) - {"source", "role", "password"}
        self.assertEqual(named, options - {"appliance", "config", "help", "version"})


class Unit(unittest.TestCase):
    def test_it_is_exposed_to_less_than_2_of_10(self):
        told = run("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=19", UNIT)
        level = float(re.search(r"Overall exposure level for boardcam.service: ([\d.]+)", told)[1])
        self.assertLess(level, 2)

    def test_systemd_understands_every_line_of_it(self):
        told = run("systemd-analyze", "verify", "--man=no", UNIT, code=None)
        told = [line for line in told.splitlines() if "boardcam.service" in line]
        # The program is not installed here.
        self.assertEqual([line for line in told if "Command boardcam is not executable" not in line], [])


class Scripts(unittest.TestCase):
    def test_shellcheck_finds_nothing(self):
        for file in [BOARD / "S50boardcam", BOARD / "install", BOARD / "deb", *(BOARD / "debian").glob("p*")]:
            with self.subTest(file=file.name):
                self.assertEqual(run("shellcheck", file), "")


class Manuals(unittest.TestCase):
    RECORD = set(re.findall(r"^ +(--record[a-z-]*)", run(PROGRAM, "--help"), re.M))

    def test_man_pages_are_rendered_without_a_warning(self):
        pages = sorted((BOARD / "man").iterdir())
        self.assertEqual([page.name for page in pages], ["boardcam.1", "boardcam.toml.5"])
        for page in pages:
            with self.subTest(page=page.name):
                told = run("sh", "-c", f"LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings=w -l {page} 2>&1 >/dev/null")
                self.assertEqual(told, "")

    def test_bash_completes_options(self):
        script = """source "$0"
            function=$(complete -p boardcam | sed 's/.* -F //; s/ .*//')
            COMP_WORDS=(boardcam --record) COMP_CWORD=1
            "$function" boardcam --record boardcam
            echo "${COMPREPLY[@]}"
        """
        told = run("bash", "--norc", "-c", script, BOARD / "completions/boardcam.bash")
        self.assertEqual(set(told.split()), self.RECORD)

    def test_fish_completes_options(self):
        script = f"source {BOARD}/completions/boardcam.fish; complete -C 'boardcam --record'"
        told = run("fish", "--no-config", "-c", script)
        self.assertEqual({line.split("\t")[0] for line in told.splitlines()}, self.RECORD)

    def test_zsh_finds_the_completions(self):
        script = f"fpath=({BOARD}/completions $fpath); autoload -Uz compinit && compinit -D -u"
        told = run("zsh", "-f", "-c", f"{script}; print $_comps[boardcam]; autoload +X _boardcam; functions _boardcam")
        self.assertTrue(told.startswith("_boardcam\n"), told)
        for option in self.RECORD:
            self.assertIn(f"'{option}=[", told)
