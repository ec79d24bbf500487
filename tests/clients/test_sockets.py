"""Many viewers at once and a request that lies about its length, over plain sockets."""

import contextlib
import json
import socket
import threading
import time
import urllib.request

from program import WAIT_S, Parts, WithProgram, check_jpeg, until

STREAMS_AT_ONCE = 12
FRAMES = 30
IDS = {f"viewer{number}" for number in range(STREAMS_AT_ONCE)}


class Sockets(WithProgram):
    def connect(self):
        return socket.create_connection(("127.0.0.1", self.program.port), timeout=WAIT_S)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=WAIT_S) as answer:
            return answer.read()

    def test_twelve_viewers_at_once_all_get_frames_and_the_rest_still_answers(self):
        counts = dict.fromkeys(IDS, 0)
        errors = []
        leave = threading.Event()

        def watch(id):
            try:
                with self.connect() as connection, connection.makefile("rb") as file:
                    connection.sendall(f"GET /stream?id={id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                    parts = Parts(file)
                    while not leave.is_set():
                        parts.next()
                        counts[id] += 1
            except (AssertionError, OSError, KeyError, ValueError) as error:
                errors.append(f"{id}: {error!r}")

        threads = [threading.Thread(target=watch, args=[id], daemon=True) for id in IDS]
        with contextlib.ExitStack() as stack:
            for thread in threads:
                thread.start()
                stack.callback(thread.join, WAIT_S)
            stack.callback(leave.set)
            until("frames for each", lambda: errors or min(counts.values()) >= FRAMES)
            started = time.monotonic()
            state = json.loads(self.get("/state"))
            self.assertLessEqual(IDS, {viewer["id"] for viewer in state["viewers"]})
            check_jpeg(self.get("/snapshot"))
            self.assertLess(time.monotonic() - started, 5, "/state and /snapshot were slow")
        self.assertEqual(errors, [])

    def test_a_request_that_announces_100_gb_is_refused_and_the_server_lives(self):
        for line in ["POST / HTTP/1.1", "GET /state HTTP/1.1", "POST /stream HTTP/1.0"]:
            with self.subTest(line), self.connect() as connection:
                head = f"{line}\r\nHost: 127.0.0.1\r\nContent-Length: 100000000000\r\n\r\nabc"
                connection.sendall(head.encode())
                connection.shutdown(socket.SHUT_WR)
                self.assertRegex(connection.makefile("rb").readline(), rb"^HTTP/1\.[01] 4\d\d ")
        self.assertTrue(self.program.running())
        check_jpeg(self.get("/snapshot"))
