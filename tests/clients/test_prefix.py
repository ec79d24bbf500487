"""The page below a prefix of a proxy, as printers' boards and Home Assistant have it, and in another page's frame, in
Chromium."""

import http.server
import re
import tempfile
import threading
import unittest

from browser import await_moving, open_browser, set_screen, speak, state
from common import free_port
from program import OUT, Program, until
from proxy import start_nginx
from users import PASSWORD, USER, make_users

# None of them passes Host on, nor has any setting for the page.
SERVER = """
    server {{
        listen 127.0.0.1:{port};
        location /webcam/ {{ proxy_pass {url}/; }}
        location /kept/ {{ proxy_pass {url}; proxy_set_header X-Forwarded-Prefix /kept; }}
        location /api/ingress/token/ {{ proxy_pass {url}/; proxy_set_header X-Ingress-Path /api/ingress/token; }}
    }}
"""
PREFIXES = ["/webcam/", "/kept/", "/api/ingress/token/"]


def proxied(test, url):
    """nginx in front of the program at `url`; its own URL."""
    port = free_port()
    start_nginx(test.addCleanup, SERVER.format(port=port, url=url), port, OUT / "nginx-prefix.log")
    return f"http://127.0.0.1:{port}"


def start_page(test, text):
    """A server with this one page; its origin."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    test.addCleanup(server.server_close)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    test.addCleanup(thread.join)
    test.addCleanup(server.shutdown)
    return f"http://127.0.0.1:{server.server_port}"


class WithChromium(unittest.TestCase):
    def start(self, *options, cameras=("pattern",)):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = [*options, "--record-folder", folder.name]
        program = Program(*cameras, options=options, state=folder.name)
        self.addCleanup(program.stop)
        self.browser = open_browser(self)
        set_screen(self.browser, "desktop")
        return program.url

    def run_js(self, script, *args):
        return self.browser.execute_script(script, *args)

    def sign_in(self):
        for field, text in [("name", USER), ("password", PASSWORD)]:
            self.browser.find_element("name", field).send_keys(text)
        self.browser.find_element("tag name", "button").click()

    def await_live(self):
        await_moving(self.browser)
        until("it says live", lambda: state(self.browser) == "live")


class Prefix(WithChromium):
    def check_page(self, root):
        self.await_live()
        self.assertNotEqual(self.run_js("return getComputedStyle(byId('sheet')).position"), "static", "no style")
        self.run_js("record()")
        until("it records", lambda: self.run_js("return chosen().camera.recording.on"))
        self.run_js("openRecordings()")
        row = "return document.querySelector('#list a[download$=mkv]')"
        until("the recording is listed", lambda: self.run_js(row))
        self.assertRegex(self.run_js(row + ".href"), f"^{root}api/recordings/")
        self.assertEqual(self.run_js(f"{row.replace('return ', 'return fetch(')}.href).then((a) => a.status)"), 200)
        self.run_js("recordingsView.leave()")
        until("the live picture", lambda: self.run_js("return body.dataset.view") == "one")
        self.run_js("openSheet(); byId('quality').value = 40; byId('quality').dispatchEvent(new Event('change'))")
        until("the quality is changed", lambda: self.run_js("return chosen().camera.quality") == 40)
        self.run_js("closeSheet(); record()")
        until("it records no more", lambda: not self.run_js("return chosen().camera.recording.on"))
        lost = self.run_js(
            "return performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(arguments[0]))",
            root,
        )
        self.assertEqual([name for name in lost if not name.startswith(("data:", "blob:"))], [], "URLs outside")

    def test_below_any_prefix_the_page_works_without_a_setting(self):
        proxy = proxied(self, self.start())
        for prefix in PREFIXES:
            for page in ["", "cameras/camera/"]:
                with self.subTest(prefix + page):
                    self.browser.get(proxy + prefix + page)
                    self.check_page(proxy + prefix)

    def test_below_any_prefix_one_signs_in_and_out(self):
        url = self.start("--config", make_users(self))
        proxy = proxied(self, url)
        for prefix in PREFIXES:
            with self.subTest(prefix):
                self.browser.get(proxy + prefix + "cameras/camera/")
                self.assertEqual(self.browser.current_url, proxy + prefix + "sign-in")
                self.assertEqual(self.run_js("return getComputedStyle(document.body).margin"), "0px", "no style")
                self.sign_in()
                until("the page", lambda: self.browser.current_url == proxy + prefix)
                self.check_page(proxy + prefix)
                paths = {cookie["path"] for cookie in self.browser.get_cookies()}
                self.assertEqual(paths, {prefix.rstrip("/")}, "cookies of one prefix are sent to others")
                self.run_js("openSheet()")
                until("the button", lambda: self.run_js("return !byId('sign-out').hidden"))
                self.run_js("document.querySelector('#sign-out button').click()")
                until("the form", lambda: self.browser.current_url == proxy + prefix + "sign-in")


OTHER_SITE = "board.test"
"""What the browser calls this machine, so that it is another site than the page around the frame."""
RULES = f"--host-resolver-rules=MAP {OTHER_SITE} 127.0.0.1"


class Frame(WithChromium):
    def open_frame(self, origin):
        self.browser.get(origin)
        self.browser.switch_to.frame(self.browser.find_element("tag name", "iframe"))

    def start_framed(self, ours, port, options, flags):
        """boardcam with users, and the page of another site that has `ours` in a frame."""
        frame = f'<iframe src="{ours}/" style="width:800px;height:600px"></iframe>'
        named = start_page(self, frame)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = ["--config", make_users(self), "--cors-origin", named, "--host", OTHER_SITE, *options]
        program = Program(options=options, port=port, state=folder.name)
        self.addCleanup(program.stop)
        self.browser = open_browser(self, RULES, *flags)
        set_screen(self.browser, "desktop")
        return named

    def test_in_a_frame_of_another_site_one_signs_in_over_https(self):
        port = free_port()
        options = ["--tls", "auto", "--tls-listen", f"127.0.0.1:{port}"]
        # As in browsers that block cookies of other sites; then those that are kept for one site alone still work.
        flags = ["--ignore-certificate-errors", "--test-third-party-cookie-phaseout"]
        named = self.start_framed(f"https://{OTHER_SITE}:{port}", 0, options, flags)
        self.open_frame(named)
        self.sign_in()
        until("the page", lambda: self.run_js("return location.pathname + Boolean(byId('tiles'))") == "/true")
        self.await_live()
        self.run_js("byId('quality').value = 40; byId('quality').dispatchEvent(new Event('change'))")
        until("the quality is changed", lambda: self.run_js("return chosen().camera.quality") == 40)
        self.open_frame(named)
        self.await_live()

    def test_in_a_frame_of_another_site_over_plain_http_one_is_told_to_open_the_page_by_itself(self):
        port = free_port()
        ours = f"http://{OTHER_SITE}:{port}"
        named = self.start_framed(ours, port, [], [])
        for lang, title in [("ru", "Здесь войти не получится"), ("en", "Signing in does not work here")]:
            speak(self.browser, lang)
            self.open_frame(named)
            self.assertEqual(self.browser.find_element("tag name", "h1").text, title)
            self.assertRegex(self.browser.find_element("tag name", "p").text, re.compile("https", re.IGNORECASE))
            self.assertEqual(self.browser.find_elements("tag name", "input"), [], "a form that is of no use")
        self.browser.save_screenshot(str(OUT / "frame-plain.png"))
        self.browser.find_element("tag name", "a").click()
        until("another tab", lambda: len(self.browser.window_handles) == 2)
        self.browser.switch_to.window(self.browser.window_handles[-1])
        until("the form", lambda: self.browser.current_url == ours + "/sign-in")
        self.sign_in()
        until("the page", lambda: self.browser.current_url == ours + "/")
        self.await_live()

    def test_a_page_whose_origin_is_named_shows_ours_in_a_frame_and_one_signs_in_there(self):
        port = free_port()
        ours = f"http://127.0.0.1:{port}"
        frame = f'<iframe src="{ours}/" style="width:800px;height:600px"></iframe>'
        named, unnamed = start_page(self, frame), start_page(self, frame)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = ["--config", make_users(self), "--cors-origin", named]
        program = Program(options=options, port=port, state=folder.name)
        self.addCleanup(program.stop)
        self.browser = open_browser(self)
        set_screen(self.browser, "desktop")
        self.open_frame(named)
        self.sign_in()
        until("the page", lambda: self.run_js("return location.pathname + Boolean(byId('tiles'))") == "/true")
        self.await_live()
        self.open_frame(unnamed)
        blocked = "return location.href.startsWith('chrome-error:')"
        until("the frame is blocked", lambda: self.run_js(blocked))
