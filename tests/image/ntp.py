"""A time server of this machine's time (RFC 5905), which an emulated board reaches as 10.0.2.2."""

import socket
import struct
import threading
import time

PORT = 123
BETWEEN_1900_AND_1970_S = 2208988800
REPLY = struct.Struct(">BBbbIIIQQQQ")
MODE_SERVER, VERSION, STRATUM, POLL, PRECISION = 4, 4, 1, 4, -20


class TimeServer:
    def __init__(self):
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", PORT))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request, client = self.socket.recvfrom(1024)
            except OSError:  # closed
                return
            now = int((time.time() + BETWEEN_1900_AND_1970_S) * (1 << 32))
            (transmitted,) = struct.unpack(">Q", request[40:48])
            reply = REPLY.pack(VERSION << 3 | MODE_SERVER, STRATUM, POLL, PRECISION, 0, 0, 0, now, transmitted, now, now)
            self.socket.sendto(reply, client)
            self.asked += 1

    def close(self):
        self.socket.close()
