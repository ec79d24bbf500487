"""Headless Chromium: the camera's own controls and its settings on the page, by touch, mouse, keyboard and screen reader.
The test pattern has no controls: a camera that has them is simulated in the browser, in the place of the server's answers
(simulated_camera.js). Screenshots stay in target/clients/looks."""

import json
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from browser import SCREENS, WithBrowser, set_media, set_screen, speak, state, text
from program import OUT, Program, until

LOOKS = OUT / "looks"
WEBCAM = (Path(__file__).parent / "webcam_controls.json").read_text()
SIMULATED = (Path(__file__).parent / "simulated_camera.js").read_text()
# A control's row; `row` in the scripts below.
ROW = "const row = panelRows.get(arguments[0]); if (!row) return null; "
SHOWN = ROW + """
    return { label: row.element.querySelector('label').innerText, kind: row.kind, values: row.inputs.map((input) => input.value),
        disabled: row.inputs.every((input) => input.disabled), why: row.why.innerText, wrong: row.wrong.innerText,
        resets: !row.reset.hidden, on: row.inputs[0].checked };
"""
# What does not fit its place, and what is too small for a finger.
FLAWS = """
    const flaws = [];
    for (const element of document.querySelectorAll('#sheet *')) {
        if (!element.checkVisibility()) continue;
        if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth) flaws.push(`cut off: ${element.id} ${element.innerText}`);
        const { height, left, right } = element.getBoundingClientRect();
        if (left < 0 || right > innerWidth + 1) flaws.push(`outside: ${element.id} ${element.innerText}`);
        if (element.matches('button, input, select, summary') && height < 44) flaws.push(`small: ${element.id} ${element.type}`);
    }
    return flaws;
"""
# How much of the picture the panel covers, in pixels.
COVERED = """
    const picture = document.querySelector('.chosen .picture').getBoundingClientRect();
    const panel = byId('sheet').getBoundingClientRect();
    const across = Math.min(picture.right, panel.right) - Math.max(picture.left, panel.left);
    const down = Math.min(picture.bottom, panel.bottom) - Math.max(picture.top, panel.top);
    return Math.round(Math.max(0, across) * Math.max(0, down));
"""
# Drags a slider for a second, one step each frame, without letting go.
DRAG = """
    const [name, done] = arguments;
    const slider = panelRows.get(name).inputs[0];
    const start = performance.now();
    const step = () => {
        slider.value = Number(slider.value) + 1;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        if (performance.now() - start < 1000) requestAnimationFrame(step);
        else done(slider.value);
    };
    step();
"""


class Panel(WithBrowser):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        LOOKS.mkdir(exist_ok=True)

    def setUp(self):
        super().setUp()
        set_media(self.browser, prefers_reduced_motion="reduce")
        self.simulate(SIMULATED)

    def simulate(self, script):
        source = {"source": f"(() => {{ {script} }})();"}
        found = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        self.addCleanup(self.browser.execute_cdp_cmd, "Page.removeScriptToEvaluateOnNewDocument", found)

    def watch(self):
        self.browser.get("about:blank")
        self.open()
        until("live", lambda: state(self.browser) == "live")

    def tune(self):
        self.watch()
        self.press("c")
        until("the controls", lambda: self.shown("brightness"))

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)

    def shown(self, name):
        return self.run_js("if (typeof panelRows === 'undefined') return null;" + SHOWN, name)

    def input(self, name, which=0):
        return self.run_js(ROW + "row.inputs[arguments[1]].scrollIntoView({ block: 'center' }); return row.inputs[arguments[1]]", name, which)

    def type(self, name, value, which=0):
        field = self.input(name, which)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(value, Keys.ENTER)

    def none(self):
        """What is said in place of controls."""
        return self.run_js("const none = byId('panel-none'); return none && none.innerText")

    def sent(self, method="PUT", what="controls"):
        """What the page sent, but reading."""
        asked = [each for each in self.run_js("return asked") if each["method"] == method and each["what"].startswith(what)]
        return [each["data"] for each in asked]

    # --- What is shown.

    def test_the_controls_are_grouped_and_each_is_what_suits_it(self):
        self.tune()
        groups = self.run_js("return [...document.querySelectorAll('#panel-controls h3')].map((title) => title.innerText)")
        self.assertEqual(groups, ["Picture", "Exposure and lens", "Image processing"])
        kinds = {
            "brightness": "slider",
            "white_balance_automatic": "switch",
            "power_line_frequency": "choice",
            "link_frequency": "choice",
            "integer_64_bits": "number",
            "bitmask": "number",
            "string": "text",
            "do_white_balance": "press",
        }
        self.assertEqual({name: self.shown(name)["kind"] for name in kinds}, kinds)
        limits = self.run_js(ROW + "return ['min', 'max', 'step'].map((name) => row.inputs[0][name])", "contrast")
        self.assertEqual(limits, ["0", "95", "5"])
        self.assertEqual(self.shown("contrast")["values"], ["30", "30"])
        self.assertEqual(self.shown("bitmask")["values"], ["0x2a"])
        self.assertEqual(text(self.browser, "panel-left-out"), "detect_motion_grid: arrays are not supported")

    def test_what_the_program_answers_for_a_webcam_is_shown_and_the_simulated_camera_answers_alike(self):
        real = json.loads(WEBCAM)
        self.watch()
        self.run_js("simulated.real = arguments[0]", WEBCAM)
        self.press("c")
        until("the controls", lambda: self.shown("brightness"))
        shown = {control["name"]: self.shown(control["name"]) for control in real["controls"]}
        self.assertEqual(list(shown), [control["name"] for control in real["controls"]])
        kinds = {"integer": "slider", "boolean": "switch", "menu": "choice"}
        for control in real["controls"]:
            row = shown[control["name"]]
            self.assertEqual((row["kind"], row["disabled"]), (kinds[control["type"]], control["inactive"]))
            if row["kind"] == "switch":
                self.assertEqual(row["on"], control["value"])
            else:
                self.assertEqual(set(row["values"]), {str(control["value"])})
        self.assertEqual(shown["focus_absolute"]["why"], f"Waits for: {shown['focus_automatic_continuous']['label']}")
        self.assertEqual(shown["power_line_frequency"]["values"], ["2"])
        self.run_js("simulated.real = null")
        made = self.browser.execute_async_script("fetch('api/cameras/camera/controls').then((it) => it.json()).then(arguments[0])")
        self.assertEqual(set(made), set(real))
        for control in made["controls"]:
            self.assertEqual(set(control), set(real["controls"][0]), control["name"])

    def test_nothing_is_fetched_until_somebody_opens_the_controls(self):
        self.watch()
        fetched = "return performance.getEntriesByType('resource').some(({ name }) => name.includes('panel'))"
        self.assertFalse(self.run_js(fetched))
        self.assertEqual(self.run_js("return asked.length"), 0)
        self.press("o")
        self.browser.find_element("id", "tune").click()
        until("the controls", lambda: self.shown("brightness"))
        self.assertTrue(self.run_js(fetched))

    def test_an_inactive_control_says_what_it_waits_for_and_works_once_that_is_set(self):
        self.tune()
        waiting = self.shown("exposure_time_absolute")
        self.assertTrue(waiting["disabled"])
        self.assertEqual(waiting["why"], "Waits for: Exposure mode")
        self.assertTrue(self.shown("pixel_rate")["disabled"])
        self.assertEqual(self.shown("pixel_rate")["why"], "Can only be read")
        self.input("auto_exposure").send_keys("M")  # Manual
        until("it works", lambda: not self.shown("exposure_time_absolute")["disabled"])
        self.assertEqual(self.sent(), ['{"auto_exposure": 1}'])
        self.assertEqual(self.shown("exposure_time_absolute")["why"], "")
        focused = self.run_js(ROW + "return document.activeElement === row.inputs[0]", "auto_exposure")
        self.assertTrue(focused, "the focus stays where it was")

    def test_a_camera_without_controls_says_so(self):
        self.watch()
        self.run_js("simulated.controls = []")
        self.press("c")
        until("it is said", lambda: self.none() == "The camera has no controls")
        self.run_js("simulated.why = 'the camera is not open'; simulated.revision += 1")
        until("it is said", lambda: self.none() == "The camera is not open")

    def test_where_the_program_sets_no_controls_there_are_the_settings(self):
        self.watch()
        self.run_js("simulated.absent = true")
        self.press("c")
        until("the settings", lambda: self.run_js("return byId('setting-size') && byId('setting-size').checkVisibility()"))
        self.assertEqual(self.none(), "")

    def test_who_may_only_watch_sees_no_controls(self):
        self.simulate("simulated.role = 'watch';")
        self.watch()
        self.press("c")
        self.assertFalse(self.browser.find_element("id", "sheet").is_displayed())
        self.press("o")
        self.assertTrue(self.browser.find_element("id", "sheet").is_displayed())
        self.assertFalse(self.browser.find_element("id", "tune").is_displayed())
        self.assertEqual(self.run_js("return asked.length"), 0)

    # --- Setting.

    def test_a_slider_sends_while_it_is_dragged_five_times_a_second_and_the_last_value(self):
        self.tune()
        last = self.browser.execute_async_script(DRAG, "brightness")
        until("the last value", lambda: self.sent()[-1:] == [f'{{"brightness": {last}}}'])
        times = [each["at"] for each in self.run_js("return asked") if each["method"] == "PUT"]
        self.assertGreater(len(times), 2, "it sends while it is dragged")
        self.assertGreater(min(b - a for a, b in zip(times, times[1:])), 190)
        # Until it is let go, nothing moves it, whatever the camera says.
        self.run_js("simulated.controls[0].value = -7; simulated.revision += 1")
        until("it is asked again", lambda: self.sent("GET")[1:])
        self.assertEqual(self.shown("brightness")["values"][0], last)
        self.run_js(ROW + "row.inputs[0].dispatchEvent(new Event('change'))", "brightness")
        until("what holds", lambda: self.run_js("return simulated.controls[0].value") == int(last))

    def test_a_slow_camera_gets_one_value_at_a_time(self):
        self.tune()
        self.run_js("simulated.delayMs = 700")
        last = self.browser.execute_async_script(DRAG, "brightness")
        until("the last value", lambda: self.sent()[-1:] == [f'{{"brightness": {last}}}'])
        self.assertLess(len(self.sent()), 5)

    def test_a_refused_value_shows_the_range_beside_the_control_and_what_holds(self):
        self.tune()
        self.type("brightness", "500", 1)
        until("it is said", lambda: "-64 to 64" in self.shown("brightness")["wrong"])
        until("what holds", lambda: self.shown("brightness")["values"] == ["0", "0"])
        how = "return [row.wrong.getAttribute('role'), row.inputs[1].getAttribute('aria-describedby').includes(row.wrong.id), "
        how += "row.inputs[1].hasAttribute('aria-invalid')]"
        self.assertEqual(self.run_js(ROW + how, "brightness"), ["status", True, True])
        self.type("brightness", "12", 1)
        until("it holds", lambda: self.shown("brightness")["values"] == ["12", "12"])
        self.assertEqual(self.shown("brightness")["wrong"], "")

    def test_what_the_camera_does_not_answer_for_is_said_in_the_pages_language(self):
        self.addCleanup(speak, self.browser, "en-US")
        speak(self.browser, "ru")
        self.tune()
        self.run_js("""
            const broken = { template: 'the camera does not answer properly', values: [] };
            const say = (control, template) => ({ control, text: { template, values: [control, broken] } });
            simulated.problems = [say('brightness', '{} cannot be read: {}'), say('zoom_absolute', 'The camera does not say what {} is: {}')];
            simulated.controls[0].value = null;
            simulated.revision += 1;
        """)
        broken = "камера отвечает с ошибками"
        until("it is said beside it", lambda: self.shown("brightness")["wrong"].endswith(broken))
        self.assertEqual(self.shown("contrast")["wrong"], "")
        listed = text(self.browser, "panel-left-out").splitlines()
        self.assertEqual(listed[0], "detect_motion_grid: массивы не поддерживаются")
        self.assertTrue(listed[1].startswith("zoom_absolute: ") and listed[1].endswith(broken), listed)
        self.type("brightness", "500", 1)
        until("it is said", lambda: "от -64 до 64" in self.shown("brightness")["wrong"])

    def test_numbers_of_64_bits_keep_every_digit(self):
        self.tune()
        self.assertEqual(self.shown("pixel_rate")["values"], ["9223372036854775807"])
        self.assertEqual(self.shown("integer_64_bits")["values"], ["9007199254740993"])
        self.assertEqual(self.shown("integer_64_bits")["why"], "From -9223372036854775808 to 9223372036854775807")
        self.type("integer_64_bits", "9007199254740995")
        until("it is sent", lambda: self.sent() == ['{"integer_64_bits": 9007199254740995}'])
        until("it holds", lambda: self.shown("integer_64_bits")["values"] == ["9007199254740995"])

    def test_switches_menus_buttons_bits_and_texts_are_sent_as_what_they_are(self):
        self.tune()
        self.input("white_balance_automatic").send_keys(Keys.SPACE)
        self.input("power_line_frequency").send_keys("6")
        self.input("do_white_balance").send_keys(Keys.ENTER)
        self.type("bitmask", "0x3")
        self.type("string", 'a"b')
        wanted = ['{"white_balance_automatic": false}', '{"power_line_frequency": 2}', '{"do_white_balance": true}', '{"bitmask": 3}']
        until("all are sent", lambda: self.sent() == [*wanted, json.dumps({"string": 'a"b'})])
        self.type("bitmask", "many")
        until("what holds", lambda: self.shown("bitmask")["values"] == ["0x3"])

    def test_one_control_and_all_of_them_are_reset(self):
        self.tune()
        self.assertFalse(self.shown("contrast")["resets"])
        self.assertFalse(self.shown("string")["resets"], "a text has no default")
        self.type("contrast", "55", 1)
        self.type("brightness", "5", 1)
        until("it can be reset", lambda: self.shown("contrast")["resets"] and self.shown("brightness")["resets"])
        reset = self.run_js(ROW + "return row.reset", "contrast")
        self.assertEqual(reset.get_attribute("aria-label"), "Reset Contrast")
        reset.send_keys(Keys.ENTER)
        until("it is reset", lambda: self.shown("contrast")["values"] == ["30", "30"])
        until("the other stays", lambda: self.shown("brightness")["values"] == ["5", "5"])
        self.assertFalse(self.shown("contrast")["resets"])
        self.assertTrue(self.run_js(ROW + "return row.element.contains(document.activeElement)", "contrast"))
        self.browser.find_element("id", "panel-reset").send_keys(Keys.ENTER)
        until("all are reset", lambda: self.shown("brightness")["values"] == ["0", "0"])
        what = [each["what"] for each in self.run_js("return asked") if each["method"] == "DELETE"]
        self.assertEqual(what, ["controls?control=contrast", "controls"])

    def test_what_others_or_the_camera_change_is_shown(self):
        self.tune()
        self.input("brightness").send_keys("")
        self.run_js("simulated.controls[0].value = 33; simulated.controls[3].menu[1].label = '55 Hz'; simulated.revision += 1")
        until("it is shown", lambda: self.shown("brightness")["values"] == ["33", "33"])
        items = self.run_js(ROW + "return [...row.inputs[0].options].map((item) => item.label)", "power_line_frequency")
        self.assertEqual(items, ["Off", "55 Hz", "60 Hz"])

    # --- Settings.

    def settings(self):
        self.tune()
        until("the settings", self.browser.find_element("id", "settings").is_displayed)
        self.browser.find_element("css selector", "#settings summary").click()

    def test_size_rate_format_and_quality_are_chosen_and_the_page_says_that_the_file_is_overruled(self):
        self.settings()
        items = "return [...byId(arguments[0]).options].map((item) => item.label)"
        self.assertEqual(self.run_js(items, "setting-size"), ["Automatic (1280×720)", "1920×1080", "1280×720", "640×480", "Another value…"])
        self.assertEqual(self.run_js(items, "setting-fps"), ["As configured (30)", "30", "15", "7.5", "Another value…"])
        self.browser.find_element("id", "setting-size").send_keys("6")
        until("it is said", lambda: "overrules the settings (size)" in text(self.browser, "settings-how"))
        self.browser.find_element("id", "setting-fps").send_keys("7")
        until("it is said", lambda: "overrules the settings (size, fps)" in text(self.browser, "settings-how"))
        self.assertEqual(self.sent(what="settings"), ['{"size":"640x480"}', '{"fps":7.5}'])
        self.browser.find_element("id", "setting-fps").send_keys(Keys.HOME)
        until("one is reset", lambda: "overrules the settings (size)" in text(self.browser, "settings-how"))
        self.assertEqual(self.sent(what="settings")[-1], '{"fps":null}')
        self.browser.find_element("id", "settings-reset").send_keys(Keys.ENTER)
        until("as configured", lambda: text(self.browser, "settings-how") == "")
        self.assertEqual(self.run_js("return byId('setting-size').value"), "")

    def test_a_value_that_the_camera_does_not_list_can_be_typed_and_its_list_comes_back(self):
        self.settings()
        size = lambda: self.run_js("return [byId('setting-size').localName, byId('setting-size').value]")
        self.browser.find_element("id", "setting-size").send_keys(Keys.END)
        until("a field", lambda: size() == ["input", ""])
        self.assertEqual(self.run_js("return document.activeElement.id"), "setting-size")
        self.run_js("changeSettings('GET')")  # what comes from the camera meanwhile does not close it
        self.browser.switch_to.active_element.send_keys("700×500", Keys.ENTER)
        until("it is said", lambda: "overrules the settings (size)" in text(self.browser, "settings-how"))
        self.assertEqual(self.sent(what="settings")[-1], '{"size":"700x500"}')
        self.assertEqual(size(), ["select", "700x500"])
        self.assertEqual(self.run_js("return document.activeElement.id"), "setting-size")
        # Who types nothing gets the list back.
        self.browser.find_element("id", "setting-size").send_keys(Keys.END)
        until("a field", lambda: size() == ["input", ""])
        self.browser.switch_to.active_element.send_keys(Keys.TAB)
        until("the list", lambda: size() == ["select", "700x500"])
        formats = self.run_js("return [...byId('setting-format').options].map((item) => item.label)")
        self.assertNotIn("Another value…", formats)

    def test_a_wrong_setting_says_why_beside_it_and_what_held_holds(self):
        self.settings()
        quality = self.browser.find_element("id", "setting-quality")
        quality.send_keys("300", Keys.ENTER)
        until("it is said", lambda: "1 to 100" in text(self.browser, "setting-quality-wrong"))
        self.assertEqual(self.run_js("return byId('setting-quality').value"), "")
        quality.send_keys("60", Keys.ENTER)
        until("it holds", lambda: self.run_js("return settingsNow.settings.quality.value") == 60)
        self.assertEqual(text(self.browser, "setting-quality-wrong"), "")

    def test_while_the_camera_is_opened_again_the_page_says_so_and_then_why_that_failed(self):
        self.settings()
        self.run_js("simulated.applied = false")
        self.browser.find_element("id", "setting-size").send_keys("6")
        until("it is said", lambda: text(self.browser, "settings-how").startswith("The camera is being opened again… This overrules"))
        self.run_js("""
            simulated.applied = true;
            simulated.changeSettings('DELETE');
            const text = (template) => ({ template, values: [] });
            simulated.refused = { texts: { what: text('cannot do that'), why: text('it says so'), advice: text('choose another size') } };
        """)
        until("why", lambda: text(self.browser, "settings-how") == "Cannot do that: it says so. Choose another size.")
        self.assertEqual(self.run_js("return byId('setting-size').value"), "")

    # --- Keyboard, screen reader, looks.

    def test_keys_open_the_controls_reach_a_slider_move_it_and_close_them(self):
        set_screen(self.browser, "desktop")
        self.tune()
        for _ in range(20):
            if self.run_js(ROW + "return document.activeElement === row.inputs[0]", "brightness"):
                break
            self.press(Keys.TAB)
        self.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        until("it is set", lambda: self.sent()[-1:] == ['{"brightness": 2}'])
        self.press(Keys.ESCAPE)
        self.assertFalse(self.browser.find_element("id", "sheet").is_displayed())
        self.press("o")
        until("the options", self.browser.find_element("id", "choices").is_displayed)
        self.assertEqual(text(self.browser, "sheet-title"), "Options")

    def test_a_screen_reader_hears_names_groups_and_kinds(self):
        self.tune()
        said = self.heard()
        for wanted in [
            *[("dialog", "Camera"), ("group", "Picture"), ("slider", "Brightness"), ("spinbutton", "Brightness")],
            *[("switch", "Automatic white balance"), ("combobox", "Exposure mode"), ("textbox", "String")],
            *[("button", "Run: Do White Balance"), ("button", "Options"), ("button", "Close")],
        ]:
            self.assertIn(wanted, said)

    def test_a_screen_reader_hears_why_a_control_cannot_be_set_and_what_was_refused(self):
        self.tune()
        self.type("brightness", "500", 1)
        until("it is said", lambda: self.shown("brightness")["wrong"])
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        found = {}
        for node in nodes:
            if not node["ignored"] and node["role"]["value"] in ["slider", "spinbutton"]:
                of = {each["name"]: each["value"].get("value") for each in node["properties"]}
                key = node["role"]["value"], node["name"]["value"]
                found[key] = {**of, "description": node.get("description", {}).get("value"), "value": node["value"]["value"]}
        exposure = found["slider", "Exposure time, in 0.1 ms"]
        self.assertTrue(exposure["disabled"])
        self.assertEqual(exposure["description"], "Waits for: Exposure mode")
        self.assertEqual([exposure[name] for name in ["value", "valuemin", "valuemax"]], [156, 1, 5000])
        typed = found["spinbutton", "Brightness"]
        self.assertEqual(typed["invalid"], "true")
        self.assertIn("-64 to 64", typed["description"])
        self.assertFalse(found["slider", "Contrast"].get("disabled"))
        for name in ["brightness", "exposure_time_absolute"]:
            self.input(name)
            self.browser.save_screenshot(str(LOOKS / f"en-panel-{name}.png"))

    def test_everything_fits_and_the_picture_stays_visible_in_any_size_and_language(self):
        self.addCleanup(speak, self.browser, "en-US")
        for lang in ["en", "ru"]:
            speak(self.browser, lang)
            self.tune()
            self.run_js("byId('settings').open = true; simulated.controls[1].value = 35; simulated.revision += 1")
            until("a control that can be reset", lambda: self.shown("contrast")["resets"])
            for screen, (width, height) in {**SCREENS, "small": (360, 740)}.items():
                metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": screen != "desktop"}
                self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
                for scheme in ["light", "dark"]:
                    with self.subTest(f"{lang}, {screen}, {scheme}"):
                        set_media(self.browser, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
                        for place, top in [("top", 0), ("end", 1e6)]:
                            self.run_js("byId('sheet').scrollTop = arguments[0]", top)
                            self.browser.save_screenshot(str(LOOKS / f"{lang}-panel-{screen}-{scheme}-{place}.png"))
                        self.assertEqual(self.run_js(FLAWS), [])
                        self.assertEqual(self.run_js(COVERED), 0)


class Real(WithBrowser):
    """The test pattern, and what the program itself answers."""

    @classmethod
    def make_program(cls):
        return Program(size=(320, 240), fps=10)

    def test_the_test_pattern_has_no_controls_and_says_so(self):
        self.open()
        until("live", lambda: state(self.browser) == "live")
        self.browser.find_element("tag name", "body").send_keys("c")
        none = "The camera has no controls"
        until("it is said", lambda: self.run_js("return byId('panel-none') && byId('panel-none').innerText") == none)
        script = "fetch('api/cameras/camera/controls').then((it) => it.json()).then(arguments[0])"
        self.assertEqual(set(self.browser.execute_async_script(script)), set(json.loads(WEBCAM)))
