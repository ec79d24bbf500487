"""Writes down, ten times a second, what the kernel knows of the sending end of a connection (TCP_INFO, by ss).

    sender.py ADDRESS

Prints a line of JSON for each look at the connection to ADDRESS: when, and how many packets were sent again since
it began. Runs until it is ended.
"""

import json
import re
import subprocess
import sys
import time

while True:
    told = subprocess.run(["ss", "-tinH", "dst", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    if told.strip():
        again = re.search(r" retrans:[0-9]+/([0-9]+)", told)
        print(json.dumps({"at": time.time(), "again": int(again[1]) if again else 0}), flush=True)
    time.sleep(0.1)
