"""What the package does, and what it makes of bad input. `python -m unittest` with the wheel on the path."""

import asyncio
import json
import multiprocessing
import os
import pickle
import resource
import threading
import time
import unittest

import httpx
import requests
from service import Service
from world import AUDIENCE, RESOURCE, World

import legation
from legation import Agent, LegationError, Presentation, SignedRequest, Verifier, nonce, verify_receipt
from legation.asgi import LegationMiddleware
from legation.fetch import fetcher
from legation.httpx import LegationAuth
from legation.requests import LegationAdapter


def buy(**facts):
    return {"action": "mcp:tools/call:buy", "resource": RESOURCE, "facts": facts}


def shown(agent, audience=AUDIENCE):
    challenge = nonce()
    return Presentation(agent.present(audience, challenge), challenge)


class Deciding(unittest.TestCase):
    def test_a_presentation_is_permitted_and_once(self):
        world = World()
        verifier, one = Verifier(world.trust, fetch=None), shown(Agent.from_text(world.text))
        verdict = verifier.verify(one, buy())
        self.assertEqual((verdict["decision"], verdict["principal"], verdict["agent"]), ("permit", world.acme, world.agent))
        self.assertEqual(verifier.verify(one, buy())["code"], "nonce_replayed")
        with self.assertRaises(legation.Denied) as raised:
            verifier.verify(one, buy()).require()
        self.assertEqual(raised.exception.code, "nonce_replayed")
        self.assertTrue(raised.exception.cure)
        again = pickle.loads(pickle.dumps(raised.exception))
        self.assertEqual((type(again), again.code, again.cure), (legation.Denied, "nonce_replayed", raised.exception.cure))

    def test_an_approval_is_an_error_of_its_own(self):
        approver = Agent.generate().did
        world = World(constraints=[{"type": "approval", "above": 10, "currency": "USD", "approvers": [approver], "threshold": 1}])
        verifier = Verifier(world.trust, fetch=None)
        with self.assertRaises(legation.ApprovalRequired) as raised:
            verifier.verify(shown(Agent.from_text(world.text)), buy(amount=11, currency="USD")).require()
        self.assertEqual(raised.exception.approval["agent"], world.agent)

    def test_a_budget_that_is_used_up_says_when_there_is_more(self):
        # Less than the delegation lasts: to wait for longer would help nobody.
        world = World(constraints=[{"type": "spend", "currency": "USD", "window": {"amount": 100, "seconds": 60}}])
        verifier, agent = Verifier(world.trust, fetch=None), Agent.from_text(world.text)
        verifier.verify(shown(agent), buy(amount=100, currency="USD")).require()
        now = int(time.time())
        with self.assertRaises(legation.BudgetExceeded) as raised:
            verifier.verify(shown(agent), buy(amount=1, currency="USD")).require()
        self.assertTrue(now < raised.exception.retry_at <= now + 61, raised.exception.verdict)

    def test_a_child_may_less_and_nothing_more(self):
        world = World(constraints=[{"type": "argument", "name": "amount", "max": 100}])
        parent, verifier = Agent.from_text(world.text), Verifier(world.trust, fetch=None)
        with parent.delegate("researcher", tools=["buy"], constraints=[{"type": "argument", "name": "amount", "max": 10}]) as child:
            self.assertEqual(verifier.verify(shown(child), buy(amount=10))["decision"], "permit")
            denied = verifier.verify(shown(child), buy(amount=11))
            self.assertEqual(denied["code"], "constraint_violated")
            self.assertEqual(verifier.verify(shown(child), {**buy(amount=1), "action": "mcp:tools/call:sell"})["code"], "not_granted")
            with self.assertRaises(LegationError):
                child.child()
        self.assertEqual(verifier.verify(shown(parent), buy(amount=11))["decision"], "permit")

    def test_a_receipt_is_the_verifiers_own(self):
        world, service = World(), Agent.generate()
        verifier = Verifier({**world.trust, "audience": service.did}, fetch=None)
        agent = Agent.from_text(world.text)
        verdict = verifier.verify(shown(agent, service.did), buy(), signer=service)
        self.assertEqual(verify_receipt(verdict["receipt"], service.did)["decision"], "permit")
        with self.assertRaises(LegationError) as raised:
            verifier.verify(shown(agent, service.did), buy(), signer=agent)
        self.assertEqual(raised.exception.code, "signer_mismatch")


class Keys(unittest.TestCase):
    def test_nothing_prints_the_key(self):
        world = World()
        agent = Agent.from_file(world.file)
        for cell in agent._keep.__closure__:
            self.assertNotIn(world.secret, repr(cell.cell_contents), "what puts delegations into the file holds on to the key")
        told = [repr(agent), str(agent), repr(vars(agent)), repr(agent._holder), json.dumps(agent.describe()), repr(dir(agent))]
        for one in told:
            self.assertNotIn(world.secret, one)
        with self.assertRaises(TypeError):
            pickle.dumps(agent)
        for wrong in (world.text.replace(world.secret, "AA"), world.text + "x", world.text.replace("OKP", "RSA")):
            with self.assertRaises(LegationError) as raised:
                Agent.from_text(wrong)
            self.assertEqual(raised.exception.code, "key_invalid")
            self.assertNotIn(world.secret, repr(raised.exception) + str(raised.exception.__context__))

    def test_a_key_comes_from_a_file_the_environment_or_a_callback(self):
        world = World()
        os.environ["LEGATION_AGENT_FILE"] = str(world.file)
        try:
            self.assertEqual(Agent.from_env().did, world.agent)
        finally:
            del os.environ["LEGATION_AGENT_FILE"]
        self.assertEqual(Agent.from_callback(lambda: world.text).did, world.agent)
        with self.assertRaises(LegationError) as raised:
            Agent.from_env()
        self.assertEqual(raised.exception.code, "no_key")
        world.file.chmod(0o644)
        with self.assertRaises(LegationError) as raised:
            Agent.from_file(world.file)
        self.assertEqual(raised.exception.code, "key_readable")

        def gone():
            raise OSError("the manager is gone")

        with self.assertRaises(OSError):
            Agent.from_callback(gone)

    def test_a_signature_of_somebody_else_is_not_taken(self):
        world = World()
        other = Agent.generate()
        public = other.describe()["publicKey"]
        chain = Agent.from_text(world.text).delegate_to(other.did)
        for signature, code in ((bytes(64), "not_presented"), (bytes(3), "input")):
            with self.assertRaises(LegationError) as raised:
                Agent.from_signer(public, lambda _, one=signature: one, chain).present(AUDIENCE, "n-1")
            self.assertEqual(raised.exception.code, code)


class BadInput(unittest.TestCase):
    def test_only_plain_data_is_read(self):
        class Polite(dict):
            def items(self):
                return [("action", "a")]

        class Text(str):
            pass

        loop = {}
        loop["facts"] = loop
        verifier = Verifier(World().trust, fetch=None)
        wrong = [
            {"action": 0.1}, {"action": float("nan")}, {"action": 2**53}, {"action": "\ud800"}, {"\udc00": 1}, {1: "a"}, {"action": b"a"},
            Polite(), {"action": Text("a")}, {"action": object()}, loop, {"facts": [0] * 30_000}, 7, {"action": {1, 2}},
        ]
        for one in wrong:
            with self.assertRaises(LegationError, msg=repr(one)[:80]) as raised:
                verifier.decide(Presentation("x", "n"), one)
            self.assertEqual(raised.exception.code, "input")
        self.assertEqual(verifier.decide(Presentation(b"\xff", "n"), buy())["decision"], "deny")
        with self.assertRaises(LegationError):
            Verifier('{"audience":"a","audience":"b"}')
        for now in (1.5, "2026", True and 1.0, 2**60):
            with self.assertRaises(LegationError):
                verifier.decide(Presentation("x", "n"), buy(), now=now)

    def test_a_dict_that_changes_while_it_is_read(self):
        verifier, facts, stop = Verifier(World().trust, fetch=None), {}, threading.Event()

        def change():
            number = 0
            while not stop.is_set():
                number += 1
                facts[f"f{number % 50}"] = number
                facts.pop(f"f{(number * 7) % 50}", None)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(3000):
                try:
                    self.assertEqual(verifier.decide(Presentation("x", "n"), buy() | {"facts": facts})["code"], "malformed")
                except LegationError as error:
                    self.assertEqual(error.code, "input")
        finally:
            stop.set()
            thread.join()

    def test_evidence_is_fetched_from_the_open_internet_alone(self):
        for url in ("http://shop.example/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "file:///etc/passwd"):
            with self.assertRaises(LegationError) as raised:
                fetcher()(url)
            self.assertIn(raised.exception.code, ("url_refused", "address_refused"))
        asked = []
        verifier = Verifier(World().trust, fetch=lambda url: asked.append(url) or b"")
        self.assertEqual(verifier.verify(Presentation("x", "n"))["code"], "malformed")
        self.assertEqual(asked, [], "who is not authentic makes nobody fetch")

    def test_memory_stays_within_its_bounds(self):
        verifier = Verifier(World().trust, fetch=None)
        # So large that what is kept of a tenth of them would be seen.
        large = Presentation("a.b." + "c" * 60_000, "n")
        for _ in range(500):
            verifier.decide(large, buy())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(5000):
            verifier.decide(large, buy())
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 30 << 10, "KiB more")

    def test_of_what_was_used_up_a_verifier_remembers_as_much_as_its_ledger_holds(self):
        world = World()
        verifier, agent = Verifier(world.trust, fetch=None, ledger={"nonces": 3}), Agent.from_text(world.text)
        codes = [verifier.verify(shown(agent), buy())["code"] for _ in range(5)]
        self.assertEqual(codes, [None, None, None, "nonce_memory_full", "nonce_memory_full"])


def _in_child(verifier, one, queue):
    queue.put(verifier.decide(one, buy())["code"])


class Sharing(unittest.TestCase):
    def test_threads_share_one_verifier_and_one_permit(self):
        world = World()
        verifier, one = Verifier(world.trust, fetch=None), shown(Agent.from_text(world.text))
        said = []
        threads = [threading.Thread(target=lambda: said.append(verifier.decide(one, buy())["decision"])) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        self.assertEqual(said.count("permit"), 1)

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_after_a_fork_nothing_signed_before_is_taken(self):
        world = World()
        verifier, one = Verifier(world.trust, fetch=None), shown(Agent.from_text(world.text))
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        child = context.Process(target=_in_child, args=(verifier, one, queue))
        child.start()
        code = queue.get(timeout=20)
        child.join()
        self.assertEqual(code, "presentation_stale", "the parent may have used it up")
        self.assertEqual(verifier.decide(one, buy())["decision"], "permit")


def knowing(verifier, url, seen):
    """A service that keeps no delegations: their digest is answered with `chain_unknown`."""

    def handle(method, path, headers, body):
        seen.append("digest" if len(dict((name.lower(), value) for name, value in headers)["agent-delegation"]) < 200 else "chain")
        try:
            signed = SignedRequest(method, url[0] + path, headers, body)
            verdict = verifier.verify(signed, {"action": "http:post", "resource": "https://shop.example/tools"})
        except LegationError as error:
            return 401, json.dumps({"code": error.code}).encode()
        return (200, b"ok") if verdict.ok else (verdict["problem"]["status"], json.dumps(verdict["problem"]).encode())

    return handle


class Requests(unittest.TestCase):
    def setUp(self):
        self.world = World(actions=["http:*"])
        self.agent = Agent.from_text(self.world.text)
        self.url, self.seen = [""], []
        self.verifier = Verifier(self.world.trust, fetch=None)

    def test_httpx_signs_and_gives_the_delegations_again(self):
        with Service(knowing(self.verifier, self.url, self.seen)) as service:
            self.url[0] = service.url
            with httpx.Client(auth=LegationAuth(self.agent)) as client:
                for _ in range(2):
                    self.assertEqual(client.post(f"{service.url}/a", json={"a": 1}).text, "ok")
        self.assertEqual(self.seen, ["chain", "digest", "chain"])

    def test_httpx_beside_an_event_loop(self):
        async def main(url):
            async with httpx.AsyncClient(auth=LegationAuth(self.agent)) as client:
                answers = await asyncio.gather(*(client.post(f"{url}/{number}", content=b"x") for number in range(8)))
                return [answer.text for answer in answers]

        with Service(knowing(self.verifier, self.url, self.seen)) as service:
            self.url[0] = service.url
            self.assertEqual(asyncio.run(main(service.url)), ["ok"] * 8)
            # The loop is gone, and the agent is as it was.
            self.assertEqual(asyncio.run(main(service.url)), ["ok"] * 8)

    def test_requests_signs_and_gives_the_delegations_again(self):
        with Service(knowing(self.verifier, self.url, self.seen)) as service, requests.Session() as session:
            self.url[0] = service.url
            session.mount("http://", LegationAdapter(self.agent))
            for _ in range(2):
                self.assertEqual(session.post(f"{service.url}/a", json={"a": 1}).text, "ok")
        self.assertEqual(self.seen, ["chain", "digest", "chain"])

    def test_delegations_are_renewed_from_a_gateway(self):
        newer = self.world.delegate("newer", ["http:*"])
        asked = []

        def handle(method, path, headers, body):
            asked.append(path)
            if path == "/v1/self/delegation":
                return 200, json.dumps({"chain": [newer]}).encode()
            return (200 if len(asked) > 2 else 401), b'{"code":"revoked"}'

        with Service(handle) as service:
            agent = Agent.from_file(self.world.file, gateway=service.url)
            self.assertEqual(httpx.get(f"{service.url}/v1/models", auth=LegationAuth(agent)).status_code, 200)
        self.assertEqual(asked, ["/v1/models", "/v1/self/delegation", "/v1/models"])
        self.assertEqual((agent.chain, json.loads(self.world.file.read_text())["chain"]), (newer, newer))
        self.assertEqual(self.world.file.stat().st_mode & 0o777, 0o600)

    def test_an_asgi_application_behind_the_middleware(self):
        async def app(scope, receive, send):
            body = (await receive())["body"]
            told = json.dumps({"agent": scope["legation"]["agent"], "body": body.decode()}).encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": told})

        def of(signed):
            return {"action": "http:post", "resource": signed.url.split("?")[0]}

        guarded = LegationMiddleware(app, verifier=self.verifier, origin="https://shop.example", map=of, max_body=1000)

        async def main():
            transport = httpx.ASGITransport(guarded)
            async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
                auth = LegationAuth(self.agent)
                good = await client.post("/to%20ols?q=a+b", content=b"hello", auth=auth)
                self.assertEqual((good.status_code, good.json()), (200, {"agent": self.agent.did, "body": "hello"}))
                bare = await client.post("/tools")
                self.assertEqual((bare.status_code, bare.headers["www-authenticate"]), (401, "Signature"))
                self.assertNotIn(self.world.acme, bare.text)
                self.assertEqual((await client.post("/tools", content=b"x" * 2000, auth=auth)).status_code, 413)
            failing = LegationMiddleware(app, verifier=self.verifier, origin="https://shop.example", map=lambda _: 1 / 0)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(failing), base_url="https://shop.example") as client:
                self.assertEqual((await client.post("/tools")).json()["code"], "unavailable")

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
