"""What a decision costs in Python: microseconds, the least and the median of many."""

import json
import sys
import time

from legation import Presentation, Verifier

with open(sys.argv[1]) as file:
    given = json.load(file)
shown, now = Presentation(given["presentation"], given["nonce"]), given["now"]


def told(times, work):
    every = []
    for _ in range(times):
        begun = time.perf_counter_ns()
        work()
        every.append(time.perf_counter_ns() - begun)
    every.sort()
    return [round(one / 1000, 1) for one in (every[0], every[times // 2])]


def once(verifier):
    assert verifier.decide(shown, now=now)["decision"] == "valid"


cold = told(2000, lambda: once(Verifier(given["trust"], fetch=None)))
warm_verifier = Verifier(given["trust"], fetch=None)
print(json.dumps({"cold": cold, "warm": told(4000, lambda: once(warm_verifier))}))
