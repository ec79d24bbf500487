"""curl: the bytes of streams and snapshots."""

import subprocess

from program import SNAPSHOTS, STREAMS, WAIT_S, Parts, WithProgram, check_jpeg, until

FRAMES = 10


def curl(*args):
    command = ["curl", "--silent", "--show-error", "--max-time", str(WAIT_S), *args]
    return subprocess.run(command, check=True, capture_output=True).stdout


class Curl(WithProgram):
    def check_stream(self, url, *options):
        # The head as it came; curl takes chunks apart itself, so a chunked body shows in the head only.
        command = ["curl", "--silent", "--include", "--no-buffer", "--max-time", str(WAIT_S), *options, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                parts = Parts(process.stdout)
                self.assertEqual(parts.head[0], "HTTP/1.0 200 OK")
                headers = parts.headers(parts.head[1:])
                self.assertEqual(headers["connection"].lower(), "close")
                self.assertIn("no-store", headers["cache-control"])
                self.assertNotIn("transfer-encoding", headers)
                self.assertNotIn("content-length", headers)
                frames = [parts.next() for _ in range(FRAMES)]
            finally:
                process.kill()
        self.assertEqual(len(set(frames)), FRAMES, "frames repeat")

    def test_curl_reads_the_stream_at_every_address_of_it(self):
        for path in STREAMS:
            with self.subTest(path):
                self.check_stream(self.url + path)

    def test_curl_reads_the_stream_over_http_1_0(self):
        for path in STREAMS:
            with self.subTest(path):
                self.check_stream(self.url + path, "--http1.0")

    def test_query_parameters_of_other_programs_do_no_harm(self):
        for query in ["?1699999999999", "?cacheBust=17&timestamp=5", "?id=abc"]:
            with self.subTest(query):
                self.check_stream(self.url + "/stream" + query)

    def test_curl_gets_a_snapshot_at_every_address_of_it(self):
        for path in SNAPSHOTS:
            with self.subTest(path):
                head, jpeg = curl("--include", self.url + path).split(b"\r\n\r\n", 1)
                status, *lines = head.decode("latin-1").split("\r\n")
                headers = Parts.headers(lines)
                self.assertRegex(status, r"^HTTP/1\.[01] 200 ")
                self.assertEqual(headers["content-type"], "image/jpeg")
                self.assertEqual(int(headers["content-length"]), len(jpeg))
                self.assertIn("no-store", headers["cache-control"])
                check_jpeg(jpeg)

    def test_each_snapshot_is_a_new_picture(self):
        self.assertEqual(len({curl(self.url + "/snapshot") for _ in range(5)}), 5)

    def test_asking_for_the_head_of_a_stream_ends(self):
        head = curl("--head", self.url + "/stream")
        self.assertIn(b" 200 ", head.splitlines()[0])
        self.assertIn(b"multipart/x-mixed-replace", head)

    def test_a_closed_stream_is_no_longer_a_viewer(self):
        self.check_stream(self.url + "/stream?id=leaves")
        until("the viewer is gone", lambda: b'"leaves"' not in curl(self.url + "/state"))


class ForwardProxy(WithProgram):
    def test_curl_with_a_proxy_set_for_everything_gets_pictures(self):
        # `http_proxy` in somebody's environment makes programs ask for the whole URL (RFC 9112 section 3.2.2).
        for path in SNAPSHOTS:
            with self.subTest(path):
                check_jpeg(curl("--proxy", self.url, "--noproxy", "", self.url + path))
