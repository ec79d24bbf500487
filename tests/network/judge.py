"""Was every picture that came over a slow link as new as it can be?

    judge.py BITS_PER_SECOND PICTURES PINGS LOOKS

PICTURES is what viewer.py wrote; PINGS (ping -D over the same link) and LOOKS (sender.py) were written meanwhile. At
its last byte a picture may be two frame-times of the link and the round trip of that moment old: it takes one
frame-time itself, and the other is for all that it may wait for. TCP needs one round trip more to bring a packet
again that the link dropped, so a picture in whose time that happened may be older by as much, or twice that if
packets were dropped twice; most pictures must come without. Says what it saw, and fails if a picture was older.
"""

import json
import re
import statistics
import sys

# Of each packet on the wire, and what of it is the stream's: Ethernet, IPv4 and TCP with timestamps have the rest.
PACKET, PAYLOAD = 1514, 1448

# Seconds around a picture's time in which a ping was answered: some are dropped like all packets.
MOMENT = 0.3


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def pings(path):
    """When each was answered, and the round trip in seconds."""
    with open(path) as file:
        answers = re.findall(r"^\[([0-9.]+)\].* time=([0-9.]+) ms", file.read(), re.MULTILINE)
    return [(float(at), float(trip) / 1000) for at, trip in answers]


def main():
    rate, pictures, trips, looks = int(sys.argv[1]), lines(sys.argv[2]), pings(sys.argv[3]), lines(sys.argv[4])
    if not pictures or not trips or not looks:
        sys.exit("nothing was seen")
    clean, held_up, late = [], [], []
    for picture in pictures:
        taken, whole = picture["taken"], picture["whole"]
        # From the last look before it was taken to the first after it came.
        before = [look["again"] for look in looks if look["at"] <= taken][-1:]
        after = [look["again"] for look in looks if look["at"] > taken and look["at"] <= whole]
        after += [look["again"] for look in looks if look["at"] > whole][:1]
        lost = max(before + after) - min(before + after)
        near = [trip for at, trip in trips if at >= taken - MOMENT and at - trip <= whole + MOMENT]
        round_trip = max(near, default=0)  # a link that answers no ping has none to allow for
        frame_time = picture["bytes"] * 8 / rate * PACKET / PAYLOAD
        age = whole - taken
        bound = 2 * frame_time + round_trip * (1 + min(lost, 2))
        (held_up if lost else clean).append(age)
        if age > bound:
            late.append(f"{age * 1000:.0f} ms old where {bound * 1000:.0f} were the most, {lost} packets lost")
    print(
        f"{len(pictures)} pictures, frame-time {frame_time * 1000:.0f} ms, round trip"
        f" {statistics.median(trip for _, trip in trips) * 1000:.0f} ms: oldest {max(clean, default=0) * 1000:.0f} ms;"
        f" of {len(held_up)} in whose time packets were lost {max(held_up, default=0) * 1000:.0f} ms"
    )
    for line in late:
        print(line)
    if late or len(clean) < len(held_up):
        sys.exit(1)


main()
