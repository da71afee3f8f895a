"""Writes documents of random tokens that repeat with a random period: the shortest way to learn to look back.

Usage: make_copies.py COUNT LENGTH SEED > copies.jsonl
"""

import json
import random
import sys

SPECIAL, VOCABULARY = 2, 1024

count, length, seed = map(int, sys.argv[1:])
generator = random.Random(seed)
for number in range(count):
    period = generator.randint(4, length // 4)
    tokens = [generator.randrange(SPECIAL, VOCABULARY) for _ in range(period)]
    print(json.dumps({"id": f"copies-{number}", "tokens": (tokens * (length // period + 1))[:length]}))
