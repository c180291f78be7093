"""A chain of three links and a presentation of it: `input.py COMMAND ALGORITHM` prints them as JSON."""

import json
import subprocess
import sys
import tempfile
import time

from legation import Agent, nonce

command, algorithm = sys.argv[1:]
place = tempfile.mkdtemp(prefix="legation-measure-")


def run(*args):
    done = subprocess.run([command, *args], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout.strip().split("\n")[0]


kind = {"Ed25519": "ed25519", "P-256": "p256"}[algorithm]
names = ["acme", "one", "two", "agent"]
dids = {}
for name in names:
    run("key", "generate", "--alg", kind, "--out", f"{name}.key", "--insecure-plaintext")
    dids[name] = run("did", "create", "key", "--key", f"{name}.key")
run("delegate", "--key", "acme.key", "--to", dids["one"], "--action", "mcp:tools/call:*", "--resource", "https://shop.example/*",
    "--max-depth", "3", "--valid-for", "1h", "--out", "chain")
with open(f"{place}/chain") as file:
    chain = file.read().strip()
for holder, to, depth in (("one", "two", 2), ("two", "agent", 0)):
    with open(f"{place}/{holder}.key") as file:
        key = json.load(file)
    agent = Agent.from_text(json.dumps({**key, "chain": chain}))
    chain = agent.delegate_to(dids[to], max_depth=depth, constraints=[{"type": "argument", "name": "amount", "max": 100}])
with open(f"{place}/agent.key") as file:
    agent = Agent.from_text(json.dumps({**json.load(file), "chain": chain}))
assert agent.describe()["links"] == 3
challenge = nonce()
trust = {
    "audience": "did:web:shop.example",
    "roots": [{"did": dids["acme"], "ceiling": {"grants": [{"actions": ["mcp:tools/call:*"], "resources": ["https://shop.example/*"]}]}}],
    "maxUnrevocable": 86_400,
    "maxOfflineChild": 14_400,
}
now = int(time.time())
print(json.dumps({"trust": json.dumps(trust), "nonce": challenge, "presentation": agent.present(trust["audience"], challenge, now=now), "now": now}))
