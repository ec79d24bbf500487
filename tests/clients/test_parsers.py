"""Clients that cannot run here: their parsing rules, applied to the program's bytes.

Each check is named after its client and says which rule of it is tried. The rules were read in the clients'
sources and in reports of what breaks them.
"""

import email.message
import http.client
import re
import urllib.request

import cv2
import numpy

from program import HEIGHT, WAIT_S, WIDTH, WithProgram

FRAMES = 5
ENOUGH = 1 << 20
"""Bytes that hold several frames."""


class Parsers(WithProgram):
    def open(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        answer = urllib.request.urlopen(request, timeout=WAIT_S)
        self.addCleanup(answer.close)
        return answer

    def decode(self, jpeg):
        picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
        self.assertIsNotNone(picture, "no JPEG")
        self.assertEqual(picture.shape[:2], (HEIGHT, WIDTH))

    def test_mainsail_finds_frames_by_soi_and_length(self):
        """Everything up to FFD8 is a head with Content-Length; that many bytes are the picture; one more is lost."""
        body = self.open("/stream?timestamp=1700000000").read(ENOUGH)
        frames, head, begin = 0, 0, body.find(b"\xff\xd8")
        while begin >= 0 and frames < FRAMES:
            length = re.search(rb"content-length:\s*(\d+)", body[head:begin], re.IGNORECASE)
            self.assertIsNotNone(length, "a frame without a length before its SOI")
            jpeg = body[begin : begin + int(length[1])]
            self.assertEqual(jpeg.find(b"\xff\xd8", 1), -1, "an SOI within the picture")
            self.decode(jpeg)
            frames += 1
            head = begin + int(length[1]) + 1
            begin = body.find(b"\xff\xd8", head)
        self.assertEqual(frames, FRAMES)

    def test_mainsail_adaptive_and_fluidd_adaptive_poll_snapshots_on_one_connection(self):
        """Up to ten a second, each with another query, and each shown as soon as it is whole."""
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port, timeout=WAIT_S)
        self.addCleanup(connection.close)
        connection.connect()
        socket = connection.sock
        for number in range(10):
            connection.request("GET", f"/snapshot?cacheBust={number}")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, "image/jpeg"))
            self.decode(answer.read())
            self.assertIs(connection.sock, socket, "the connection was closed")

    def test_fluidd_takes_the_boundary_up_to_a_semicolon(self):
        """/boundary=([^;]+)/ of the Content-Type, then parts at `--` and what it found."""
        answer = self.open("/stream?cacheBust=1700000000")
        boundary = re.search("boundary=([^;]+)", answer.headers["content-type"])[1]
        parts = answer.read(ENOUGH).split(b"--" + boundary.encode() + b"\r\n")
        self.assertEqual(parts[0], b"", "bytes before the first boundary")
        for part in parts[1 : 1 + FRAMES]:
            head, jpeg = part.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"Content-Length:\s*(\d+)", head, re.IGNORECASE)[1])
            self.assertEqual(jpeg[length:], b"\r\n")
            self.decode(jpeg[:length])

    def test_octoprint_gets_stream_and_snapshot_with_a_bare_number_as_query(self):
        """An <img> with `?1699999999999`; the snapshot is any image/* within 5 s."""
        self.assertEqual(self.open("/?action=stream&1699999999999").read(2), b"--")
        self.assertEqual(self.open("/stream?1699999999999").read(2), b"--")
        answer = urllib.request.urlopen(self.url + "/?action=snapshot", timeout=5)
        with answer:
            self.assertTrue(answer.headers["content-type"].startswith("image/"))
            self.decode(answer.read())

    def test_go2rtc_reads_mime_heads_and_needs_lengths(self):
        """The media type must be well-formed (RFC 2045), each part's head too, with Content-Length."""
        answer = self.open("/stream")
        message = email.message.Message()
        message["Content-Type"] = answer.headers["content-type"]
        self.assertEqual(message.get_content_type(), "multipart/x-mixed-replace")
        boundary = message.get_param("boundary")
        for _ in range(FRAMES):
            self.assertEqual(answer.readline(), f"--{boundary}\r\n".encode())
            head = {}
            while line := answer.readline().strip():
                name, value = line.split(b":", 1)
                head[name.lower()] = value.strip()
            self.assertEqual(head[b"content-type"], b"image/jpeg")
            self.decode(answer.read(int(head[b"content-length"])))
            self.assertEqual(answer.readline(), b"\r\n")

    def test_frigate_and_ffmpeg_take_only_short_header_lines(self):
        """ffmpeg's mpjpeg demuxer reads lines of at most 128 bytes, and wants the body to begin with `--`."""
        data = self.open("/stream").read(ENOUGH)
        self.assertTrue(data.startswith(b"--"))
        lines = data[: data.find(b"\xff\xd8")].split(b"\r\n")
        self.assertLess(max(map(len, lines)), 128)
        self.assertIn(b"content-type: image/jpeg", [line.lower() for line in lines])

    def test_safari_shows_the_stream_in_the_pages_img(self):
        """A direct visit shows one still, so the page has an <img>; the boundary must not be in quotes."""
        self.assertNotIn('"', self.open("/stream").headers["content-type"])
        page = self.open("/").read().decode()
        script = self.open("/page.js").read().decode()
        self.assertTrue("<img" in page or "'img'" in script or '"img"' in script)
        for event in ["visibilitychange", "pageshow", "error"]:
            self.assertIn(event, script, "Safari stops after a change of apps; the page must restart it")
