"""What a signed `httpx` request costs over the plain one: milliseconds, the median of the differences. Nothing is sent."""

import statistics
import time

import httpx
from legation import Agent
from legation.httpx import LegationAuth



def one(client, auth):
    begun = time.perf_counter_ns()
    client.post("https://shop.example/tools", content=b'{"amount":7}', auth=auth)
    return (time.perf_counter_ns() - begun) / 1e6


def main(agent):
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    auth = LegationAuth(agent)
    pairs = [(one(client, auth), one(client, None)) for _ in range(3000)]
    extra = statistics.median(signed - plain for signed, plain in pairs)
    print(f"signed httpx request: {extra:.3f} ms over {statistics.median(plain for _, plain in pairs):.3f} ms plain")


if __name__ == "__main__":
    import os
    import sys

    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../python/tests"))
    from world import World

    main(Agent.from_text(World(actions=["http:*"]).text))
