"""Writes down, ten times a second, what the kernel knows of the sending end of a connection (TCP_INFO, by ss).

    sender.py ADDRESS

Prints a line of JSON for each look at the connection to ADDRESS: when, the round trip in seconds as smoothed by
TCP (queues on the way included), and how many packets were sent again since it began. Runs until it is ended.
"""

import json
import re
import subprocess
import sys
import time

while True:
    told = subprocess.run(["ss", "-tinH", "dst", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    if round_trip := re.search(r" rtt:([0-9.]+)/", told):
        again = re.search(r" retrans:[0-9]+/([0-9]+)", told)
        look = {"at": time.time(), "round_trip": float(round_trip[1]) / 1000, "again": int(again[1]) if again else 0}
        print(json.dumps(look), flush=True)
    time.sleep(0.1)
