"""The administration API of a real organization on this machine, and an agent's own delegations from its gateway."""

import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import httpx
from world import COMMAND

from legation import Agent, LegationError
from legation.httpx import LegationAuth
from legation.organization import Organization


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Administration(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Path(tempfile.mkdtemp(prefix="legation-up-"))
        cls.data = cls.place / "data"
        ports = free_port(), free_port()
        cls.gateway, cls.admin = (f"http://127.0.0.1:{port}" for port in ports)
        listen = ["--listen", f"127.0.0.1:{ports[0]}", "--admin-listen", f"127.0.0.1:{ports[1]}"]
        hidden = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
        cls.out = open(cls.place / "out", "w+")
        cls.running = subprocess.Popen(
            [COMMAND, "up", "--dev", "--data-dir", str(cls.data), *listen], stdout=cls.out, stderr=cls.out, env=hidden, stdin=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{cls.admin}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if cls.running.poll() is not None or time.monotonic() > until:
                cls.tearDownClass()
                raise AssertionError(Path(cls.out.name).read_text())
            time.sleep(0.2)

    @classmethod
    def tearDownClass(cls):
        cls.running.terminate()
        try:
            cls.running.wait(20)
        except subprocess.TimeoutExpired:
            cls.running.kill()
        cls.out.close()

    def test_agents_are_made_listed_suspended_and_resumed(self):
        with Organization.open(self.admin, data_dir=self.data) as org:
            self.assertNotIn("d", json.loads(json.dumps(org._admin.describe()["publicKey"])))
            made = org.agents.create(name="researcher", purpose="reads", models=["*"])
            self.assertEqual(made["name"], "researcher")
            self.assertIn("researcher", [one["name"] for one in org.agents.list()])
            self.assertEqual(org.agents.get("researcher")["purpose"], "reads")
            org.agents.act("researcher", "suspend")
            self.assertEqual(org.agents.get("researcher")["state"], "suspended")
            org.agents.act("researcher", "resume")
            self.assertEqual(org.agents.get("researcher")["state"], "active")
            for call, code in (
                (lambda: org.agents.get("nobody"), None),
                (lambda: org.agents.create(name="researcher"), None),
                (lambda: org.agents.create(name="x", colour="blue"), None),
            ):
                with self.assertRaises(LegationError) as raised:
                    call()
                self.assertTrue(raised.exception.code and raised.exception.status >= 400, raised.exception)
                self.assertNotEqual(raised.exception.code, "host_unknown")

    def test_an_agent_of_its_file_gets_its_own_delegations(self):
        own, file = str(self.place / "own.key"), self.place / "writer.key"
        for args in (
            ["key", "generate", "--out", own, "--insecure-plaintext"],
            ["agent", "add", "writer", "--models", "*", "--own-key", own, "--data-dir", str(self.data)],
            ["agent", "file", "writer", "--own-key", own, "--out", str(file), "--data-dir", str(self.data)],
        ):
            done = subprocess.run([COMMAND, *args], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        agent = Agent.from_file(file, gateway=self.gateway)
        url, headers = agent._renewal()
        answer = httpx.get(url, headers=headers)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual("~".join(answer.json()["chain"]), agent.chain)
        models = httpx.get(f"{self.gateway}/v1/models", auth=LegationAuth(agent))
        self.assertEqual(models.status_code, 200, models.text)


if __name__ == "__main__":
    unittest.main()
