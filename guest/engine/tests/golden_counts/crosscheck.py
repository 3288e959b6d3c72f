#!/usr/bin/env python3
"""Compares counts.txt with libCacheSim on the same traces, and prints a table in Markdown.

  pip install libcachesim==0.3.5
  LARDER_TRACES=/tmp/traces cargo test --release --workspace -p larder-engine --test golden_counts
  crosscheck.py /tmp/traces
"""
import os
import sys

import libcachesim as lcs

PEERS = {
    "lru": lcs.LRU,
    "fifo": lcs.FIFO,
    "lfu": lcs.GDSF,  # with all sizes 1 it is LFU-DA; libCacheSim's own LFUDA adds the age at every read
    "sieve": lcs.Sieve,
    "s3-fifo": lcs.S3FIFO,
    "clock-pro": lcs.ClockPro,
    "gdsf": lcs.GDSF,
}


def hits(peer, capacity, trace, unit):
    cache = peer(capacity)
    count = size_hit = 0
    for turn, (key, size) in enumerate(trace):
        request = lcs.Request()
        request.obj_id = key
        request.obj_size = size if unit == "bytes" else 1
        request.clock_time = turn
        if cache.get(request):
            count += 1
            size_hit += size
    return f"{count}/{size_hit}" if unit == "bytes" else str(count)


def counts(path):
    """Trace, unit, capacities, policy and what it hit, of each row."""
    for line in open(path):
        words = line.split()
        if len(words) == 5 and words[1] in ("entries", "bytes"):
            trace, unit, *capacities = words
        elif len(words) == 4:
            yield trace, unit, capacities, words[0], words[1:]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    print("| trace | unit | policy | larder | libCacheSim | difference in hits |\n|---|---|---|---|---|---|")
    for name, unit, capacities, policy, ours in counts(os.path.join(here, "counts.txt")):
        # libCacheSim's lfu by bytes is another, and it does not follow sizes that change.
        if policy not in PEERS or (policy, unit) == ("lfu", "bytes") or name == "sizes":
            continue
        lines = open(os.path.join(sys.argv[1], f"{name}.csv"))
        trace = [tuple(map(int, line.split(","))) for line in lines]
        theirs = [hits(PEERS[policy], int(capacity), trace, unit) for capacity in capacities]
        difference = [int(a.split("/")[0]) - int(b.split("/")[0]) for a, b in zip(ours, theirs)]
        row = [name, unit, policy, " ".join(ours), " ".join(theirs), " ".join(map(str, difference))]
        print("| " + " | ".join(row) + " |", flush=True)


main()
