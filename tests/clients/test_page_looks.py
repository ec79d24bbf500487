"""Headless Chromium: how the page looks. Screenshots of all that there is to see stay in target/clients/looks, for
people to look at; what a program can judge is checked: everything fits, nothing is cut off or covered."""

from browser import SCREENS, WithBrowser, set_media, set_screen, speak, state, text
from program import OUT, Program, until

LOOKS = OUT / "looks"
# What does not fit its place, overlaps another control, or is too small for a finger.
FLAWS = """
    const flaws = [];
    const seen = (element) => element.checkVisibility({ visibilityProperty: true });
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) flaws.push('the page is larger than the window');
    for (const element of document.querySelectorAll('.bar *, .tile .name, .tile .how, #problem *, #sheet *'))
        if (seen(element) && element.scrollWidth > element.clientWidth + 1 && element.clientWidth)
            flaws.push(`cut off: ${element.id || element.className} ${element.innerText}`);
    const controls = [...document.querySelectorAll('.bar button, #status, #close')].filter(seen);
    const boxes = controls.map((element) => [element, element.getBoundingClientRect()]);
    for (const [a, one] of boxes) {
        if (one.width < 44 || one.height < 44) flaws.push(`small: ${a.id}`);
        if (one.left < 0 || one.top < 0 || one.right > innerWidth + 1 || one.bottom > innerHeight + 1)
            flaws.push(`outside: ${a.id}`);
        if (document.getElementById('sheet').open) continue; // it may cover what is behind it
        for (const [b, other] of boxes)
            if (a !== b && one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom)
                flaws.push(`${a.id} overlaps ${b.id}`);
    }
    return flaws;
"""
# Two frames later everything is painted.
PAINTED = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"


class Looks(WithBrowser):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        LOOKS.mkdir(exist_ok=True)
        names = ["door", "garden", "attic", "printer", "yard"]
        several = Program(*(f"{name}=pattern" for name in names), "barn=/dev/barn", size=(1280, 720), fps=5)
        cls.addClassCleanup(several.stop)
        absent = Program("/dev/video9")
        cls.addClassCleanup(absent.stop)
        cls.cases = {"one": (cls.url + "/", "live"), "absent": (absent.url + "/", "waiting")}
        cls.cases |= {"six": (several.url + "/", "live"), "one-of-six": (several.url + "/#garden", "live")}

    @classmethod
    def make_program(cls):
        return Program(size=(1280, 720), fps=5)

    def look(self, name):
        for screen in SCREENS:
            set_screen(self.browser, screen)
            for scheme in ["light", "dark"]:
                with self.subTest(f"{name}, {screen}, {scheme}"):
                    set_media(self.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
                    self.run_js("showControls()")
                    self.browser.execute_async_script(PAINTED)
                    self.browser.save_screenshot(str(LOOKS / f"{name}-{screen}-{scheme}.png"))
                    self.assertEqual(self.run_js(FLAWS), [])

    def test_nothing_is_cut_off_or_covered_in_any_size_and_language(self):
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            for case, (url, wanted) in self.cases.items():
                set_screen(self.browser, "phone")
                self.browser.get("about:blank")
                self.browser.get(url)
                until(wanted, lambda: state(self.browser) == wanted)
                if case in ["one", "one-of-six"]:
                    until("its figures", lambda: "fps" in text(self.browser, "figures") or "кадр/с" in text(self.browser, "figures"))
                if case == "six":
                    until("stills", lambda: self.run_js("return tiles[3].stillAt > 0"))
                self.look(f"{lang}-{case}")
                if case == "one":
                    self.run_js("openSheet(); document.querySelectorAll('details').forEach((part) => (part.open = true))")
                    self.look(f"{lang}-options")
                    self.run_js("closeSheet()")
