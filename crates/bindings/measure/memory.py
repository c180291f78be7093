"""What a million decisions leave behind: how much the process has grown since the first ten thousand. `memory.py [TIMES]`"""

import resource
import sys

from legation import Presentation, nonce
from legation.testing import Organization

times = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
organization = Organization()
agent, verifier = organization.agent(), organization.verifier(ledger={"nonces": 1000})
shown = []
for _ in range(100):
    challenge = nonce()
    shown.append(Presentation(agent.present(organization.audience, challenge), challenge))
request = {"action": "mcp:tools/call:buy", "resource": organization.resource}
for index in range(10_000):
    verifier.decide(shown[index % 100], request)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for index in range(times):
    verifier.decide(shown[index % 100], request)
print(f"memory after {times} decisions in Python: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.1f} MiB more")
