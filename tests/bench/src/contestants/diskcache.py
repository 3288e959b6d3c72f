"""Measures diskcache with its default settings: python3 diskcache.py DIRECTORY ENTRIES SIZE

Prints microseconds for a set, a get after reopening (first pass) and a get after that (second pass).
"""

import os
import random
import sys
import time

import diskcache

directory, entries, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
values = [os.urandom(size) for _ in range(64)]
generator = random.Random(1)


def order():
    ids = list(range(entries))
    generator.shuffle(ids)
    return [(f"item:{n:011}", values[n % 64]) for n in ids]


def timed(pairs, work):
    begin = time.perf_counter()
    for key, value in pairs:
        work(key, value)
    print((time.perf_counter() - begin) * 1e6 / entries)


def open_cache():
    return diskcache.Cache(directory, size_limit=2_000_000_000)


def get(key, value):
    if len(cache[key]) != size:
        sys.exit(f"{key}: wrong value")


cache = open_cache()
timed(order(), cache.set)
cache.close()
cache = open_cache()
timed(order(), get)
timed(order(), get)
