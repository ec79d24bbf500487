"""Watches a stream for some seconds and writes down each picture.

    viewer.py ADDRESS:PORT WARM-UP SECONDS

Prints a line of JSON for each picture that was whole within the SECONDS that begin after WARM-UP seconds: the
bytes of its part, when it was captured (X-Timestamp), and when its last byte was there, by this machine's clock.
"""

import json
import socket
import sys
import time


def parts(reader):
    """The bytes of each part with its boundary, when its picture was taken, and when its last byte was there."""
    while reader.readline().strip():
        pass  # the head of the answer
    reader.readline()  # the boundary that opens the body
    while True:
        size, headers = 0, {}
        while line := reader.readline():
            size += len(line)
            if line == b"\r\n":
                break
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        if b"content-length" not in headers:
            sys.exit("the stream ended")
        length = int(headers[b"content-length"])
        if len(reader.read(length)) < length:
            sys.exit("the stream ended")
        whole = time.time()
        size += length + len(reader.readline()) + len(reader.readline())
        yield size, float(headers[b"x-timestamp"]), whole


def main():
    address, port = sys.argv[1].rsplit(":", 1)
    warm_up, seconds = float(sys.argv[2]), float(sys.argv[3])
    begin = time.monotonic()
    connection = socket.create_connection((address, int(port)), timeout=10)
    connection.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
    for size, taken, whole in parts(connection.makefile("rb")):
        elapsed = time.monotonic() - begin
        if elapsed >= warm_up + seconds:
            break
        if elapsed >= warm_up:
            print(json.dumps({"bytes": size, "taken": taken, "whole": whole}))


main()
