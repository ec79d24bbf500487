"""Watches a stream for some seconds and says how large its frames are and how old each is when it is whole.

    viewer.py ADDRESS:PORT WARM-UP SECONDS

Prints one line of JSON. Ages are from X-Timestamp to the last byte of the picture, by this machine's clock, over
SECONDS that begin after WARM-UP seconds.
"""

import json
import socket
import statistics
import sys
import time


def parts(reader):
    """The size of each part with its boundary, when its picture was taken, and when its last byte was there."""
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
    seen = []
    for size, taken, whole in parts(connection.makefile("rb")):
        elapsed = time.monotonic() - begin
        if elapsed >= warm_up + seconds:
            break
        if elapsed >= warm_up:
            seen.append((size, whole - taken))
    if not seen:
        sys.exit("no picture came")
    sizes, ages = zip(*seen)
    print(json.dumps({
        "frames": len(seen),
        "bytes": max(sizes),
        "bits_per_second": round(8 * sum(sizes) / seconds),
        "age_ms": round(1000 * statistics.median(ages)),
        "nine_of_ten_ms": round(1000 * sorted(ages)[len(ages) * 9 // 10]),
        "oldest_ms": round(1000 * max(ages)),
    }))


main()
