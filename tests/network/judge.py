"""Was every picture that came over a slow link as new as it can be?

    judge.py BITS_PER_SECOND PICTURES LOOKS

PICTURES is what viewer.py wrote, LOOKS what sender.py wrote meanwhile. At its last byte a picture may be two
frame-times of the link and the round trip of that moment old: it takes one frame-time itself, and the other is for
all that it may wait for. TCP needs one round trip more to bring a packet again that the link dropped, so a picture
in whose time that happened may be older by as much, or twice that if packets were dropped twice; most pictures must
come without. Says what it saw, and fails if a picture was older.
"""

import json
import sys

# Of each packet on the wire, and what of it is the stream's: Ethernet, IPv4 and TCP with timestamps have the rest.
PACKET, PAYLOAD = 1514, 1448


def lines(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def main():
    rate, pictures, looks = int(sys.argv[1]), lines(sys.argv[2]), lines(sys.argv[3])
    if not pictures or not looks:
        sys.exit("no picture came")
    clean, held_up, late = [], [], []
    for picture in pictures:
        # From the last look before it was taken to the first after it came.
        before = [look for look in looks if look["at"] <= picture["taken"]][-1:]
        during = [look for look in looks if picture["taken"] < look["at"] < picture["whole"]]
        after = [look for look in looks if look["at"] >= picture["whole"]][:1]
        near = before + during + after
        round_trip = max(look["round_trip"] for look in near)
        lost = near[-1]["again"] - near[0]["again"]
        frame_time = picture["bytes"] * 8 / rate * PACKET / PAYLOAD
        age = picture["whole"] - picture["taken"]
        bound = 2 * frame_time + round_trip * (1 + min(lost, 2))
        (held_up if lost else clean).append(age)
        if age > bound:
            late.append(f"{age * 1000:.0f} ms old where {bound * 1000:.0f} were the most, {lost} packets lost")
    trips = sorted(look["round_trip"] for look in looks)
    print(
        f"{len(pictures)} pictures, frame-time {frame_time * 1000:.0f} ms, round trip"
        f" {trips[len(trips) // 2] * 1000:.0f} ms: oldest {max(clean, default=0) * 1000:.0f} ms; of {len(held_up)} in"
        f" whose time packets were lost {max(held_up, default=0) * 1000:.0f} ms"
    )
    for line in late:
        print(line)
    if late or len(clean) < len(held_up):
        sys.exit(1)


main()
