"""A tool call by a chain of three, from what arrives to the decision: `legation` beside `tenuo` and `attenu-guard` (PyPI), microseconds, medians of
the same run. Each gets its own formats: three delegations and a presentation, three warrants and a proof of possession, three tokens. Ours also uses the
nonce up; `attenu-guard` checks no proof of possession."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../python/tests"))

import tenuo
from attenu_guard import Authority, Guard, SpendCap, wire
from tenuo import Authorizer, Range, SigningKey, Warrant
from world import AUDIENCE, RESOURCE, World

from legation import Agent, Presentation, Verifier, nonce

TIMES = 1500
LIMIT = [{"type": "argument", "name": "amount", "max": 100}]


def ours():
    world = World(actions=["mcp:tools/call:buy"], constraints=LIMIT, depth=3)
    agent = Agent.from_text(world.text).child(max_depth=1, constraints=LIMIT).child(max_depth=0, constraints=LIMIT)
    assert agent.describe()["links"] == 3
    trust = {**world.trust, "maxOfflineChild": 14_400}
    shown = []
    for _ in range(2 * TIMES):
        challenge = nonce()
        shown.append(Presentation(agent.present(AUDIENCE, challenge), challenge))
    request = {"action": "mcp:tools/call:buy", "resource": RESOURCE, "facts": {"amount": 7}}
    warm = Verifier(trust, fetch=None, ledger={"noncesPerKey": 100_000, "noncesPerRoot": 100_000})

    def once(verifier):
        verdict = verifier.decide(shown.pop(), request)
        assert verdict.ok, verdict

    return lambda: once(Verifier(trust, fetch=None)), lambda: once(warm)


def theirs():
    root, one, two, agent = (SigningKey.generate() for _ in range(4))
    capabilities = {"buy": {"amount": Range(max=100.0)}}
    first = Warrant.issue(root, capabilities=capabilities, ttl_seconds=3600, holder=one.public_key)
    second = first.attenuate(capabilities, one, ttl_seconds=3000, holder=two.public_key)
    third = second.attenuate(capabilities, two, ttl_seconds=2000, holder=agent.public_key)
    chain = [warrant.to_base64() for warrant in (first, second, third)]
    authorizer = Authorizer(trusted_roots=[root.public_key])
    arguments = {"amount": 7}
    signature = third.sign(agent, "buy", arguments, int(time.time()))

    def once():
        return authorizer.check_chain([Warrant.from_base64(one) for one in chain], "buy", arguments, signature)

    once()
    return once


def attenu():
    def authority(ttl):
        return Authority(scopes={"tools.buy"}, ceilings=[SpendCap(100)], ttl=ttl)

    signer = wire.Ed25519Signer.generate(kid="root")
    leaf = Guard.issue("one", authority(3600)).delegate("two", authority(3000), task="t").delegate("agent", authority(2000), task="t")
    now = int(time.time())
    tokens = wire.serialize_chain(leaf, signer, iat=now)
    assert len(tokens) == 3

    def once():
        assert wire.load(tokens, signer, now=now).permits("tools.buy", {"spend": 7})

    once()
    return once


def timed(work):
    begun = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - begun) / 1000


def median(all):
    return sorted(all)[len(all) // 2]


(cold, warm), *others = ours(), theirs(), attenu()
rounds = [(timed(cold), timed(warm), *map(timed, others)) for _ in range(TIMES)]
names = ("legation, cold", "legation, warm", f"tenuo {tenuo.__version__}", "attenu-guard, without possession")
for name, every in zip(names, zip(*rounds)):
    print(f"{name}: {median(every):.1f} us")
