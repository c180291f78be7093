"""An organization, an agent of its and a service, made by the `legation` command: what tests of the package act in."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
COMMAND = os.environ.get("LEGATION_COMMAND", str(ROOT / "target/debug/legation"))
AUDIENCE = "did:web:shop.example"
RESOURCE = "https://shop.example/tools"


class World:
    """`actions` are what the organization, a did:key, delegates to the agent."""

    def __init__(self, actions=("mcp:tools/call:*",), constraints=(), depth=2):
        self.place = Path(tempfile.mkdtemp(prefix="legation-py-"))
        for name in ("acme", "agent"):
            self.run("key", "generate", "--out", f"{name}.key", "--insecure-plaintext")
        self.acme, self.agent = (self.run("did", "create", "key", "--key", f"{name}.key").split("\n")[0] for name in ("acme", "agent"))
        self.chain = self.delegate("chain", actions, constraints, depth, "1h")
        key = json.loads((self.place / "agent.key").read_text())
        self.secret = key["d"]
        self.text = json.dumps({**key, "chain": self.chain})
        self.file = self.place / "agent.json"
        self.file.write_text(self.text)
        self.file.chmod(0o600)
        ceiling = {"grants": [{"actions": ["mcp:tools/call:*", "http:*", "model:*"], "resources": ["https://shop.example/*"]}]}
        self.trust = {"audience": AUDIENCE, "roots": [{"did": self.acme, "ceiling": ceiling}], "maxUnrevocable": 86_400}

    def delegate(self, out, actions, constraints=(), depth=2, valid="2h"):
        grant = [part for action in actions for part in ("--action", action)]
        limits = [part for one in constraints for part in ("--constraint", json.dumps(one))]
        self.run("delegate", "--key", "acme.key", "--to", self.agent, *grant, "--resource", "https://shop.example/*", *limits,
                 "--max-depth", str(depth), "--valid-for", valid, "--out", out)
        return (self.place / out).read_text().strip()

    def by_web(self, location):
        """A delegation by a did:web with the organization's key: its DID, the chain, its document."""
        did = self.run("did", "create", "web", location, "--key", "acme.key", "--out", "web").split("\n")[0]
        self.run("delegate", "--key", "acme.key", "--issuer", did, "--to", self.agent, "--action", "mcp:tools/call:*", "--resource",
                 "https://shop.example/*", "--valid-for", "1h", "--out", "web-chain")
        document = next((self.place / "web").rglob("did.json")).read_text()
        return did, (self.place / "web-chain").read_text().strip(), json.loads(document)

    def run(self, *args):
        done = subprocess.run([COMMAND, *args], cwd=self.place, capture_output=True, text=True)
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout.strip()
