"""What gets past nobody: redirects, targets that are no paths, addresses that are not of the open internet, servers that drip."""

import asyncio
import json
import os
import signal
import socket
import ssl
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import requests
from service import Service
from world import RESOURCE, World

from legation import Agent, LegationError, Presentation, SignedRequest, Verifier, fetch, nonce
from legation.asgi import LegationMiddleware
from legation.fetch import bring, fetcher, is_public
from legation.requests import LegationAdapter

HERE = Path(__file__).resolve().parent
ORIGIN = "https://shop.example"


class Redirects(unittest.TestCase):
    def test_what_was_signed_for_one_place_is_signed_for_no_other(self):
        agent, seen = Agent.from_text(World(actions=["http:*"]).text), []

        def stranger(method, path, headers, body):
            seen.append(headers)
            return 200, b"mine"

        with Service(stranger) as other, Service(lambda *_: (307, b"", ("location", f"{other.url}/b"))) as first, requests.Session() as session:
            session.mount("http://", LegationAdapter(agent))
            with self.assertRaises(LegationError) as raised:
                session.post(f"{first.url}/a", data=b"x")
            self.assertEqual(raised.exception.code, "redirect_refused")
            self.assertEqual(seen, [])
            self.assertEqual(session.post(f"{first.url}/a", data=b"x", allow_redirects=False).status_code, 307)
            # The same request is sent again as often as one likes.
            request = session.prepare_request(requests.Request("POST", f"{other.url}/c", data=b"x"))
            self.assertEqual([session.send(request).text for _ in range(2)], ["mine", "mine"])


class Asgi(unittest.TestCase):
    """The middleware, called as a server calls it."""

    def setUp(self):
        self.world = World(actions=["http:*"])
        self.agent = Agent.from_text(self.world.text)
        self.verifier = Verifier(self.world.trust, fetch=None)
        self.errors = []

    def answer(self, map, raw_path=b"/tools", headers=(), gone=False):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.disconnect"} if gone else {"type": "http.request", "body": b""}

        signed = self.agent.sign("GET", RESOURCE)
        named = [(name.encode(), value.encode()) for name, value in signed] + list(headers)
        scope = {"type": "http", "method": "GET", "path": raw_path.decode(), "raw_path": raw_path, "query_string": b"", "headers": named}
        guarded = LegationMiddleware(app, verifier=self.verifier, origin=ORIGIN, map=map, on_error=self.errors.append)
        asyncio.run(guarded(scope, receive, send))
        return (sent[0]["status"], json.loads(sent[1]["body"]).get("code")) if sent else None

    def asked(self, signed):
        return {"action": "http:get", "resource": signed.url}

    def test_a_target_that_is_no_path_is_refused_whatever_would_stand_behind_the_origin(self):
        mapped = []
        for target in (b"http://other.example/tools", b"*", b".other.example/tools", b"@other.example"):
            self.assertEqual(self.answer(lambda signed: mapped.append(signed.url), target), (400, "input"), target)
        self.assertEqual(mapped, [])
        self.assertEqual(self.answer(self.asked), (200, None))

    def test_a_header_beyond_ascii_is_one_like_any_other(self):
        self.assertEqual(self.answer(self.asked, headers=[(b"x-name", "café".encode("latin-1")), (b"x-other", "€".encode())]), (200, None))
        with self.assertRaises(LegationError) as raised:
            self.verifier.decide(SignedRequest("GET", RESOURCE, [("x-name", "€")]))
        self.assertEqual(raised.exception.code, "input")

    def test_a_map_that_says_nothing_or_fails_permits_nothing(self):
        def cut(_):
            raise ConnectionResetError("the database is gone")

        for map in (lambda _: None, cut):
            self.assertEqual(self.answer(map), (503, "unavailable"))
        self.assertEqual([type(error) for error in self.errors], [TypeError, ConnectionResetError])
        self.assertIsNone(self.answer(self.asked, gone=True), "nobody is there to be answered")


class Dripping:
    """A server over TLS that sends `head` at once, and then a byte now and then."""

    def __init__(self, head):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / "localhost.pem")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}/"

        def serve():
            try:
                while True:
                    with context.wrap_socket(self.listener.accept()[0], server_side=True) as one:
                        one.recv(4096)
                        one.sendall(head)
                        for _ in range(100):
                            time.sleep(0.1)
                            one.sendall(b"x")
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Fetching(unittest.TestCase):
    def setUp(self):
        known = ssl.create_default_context(cafile=HERE / "localhost.pem")
        self.fetch = fetcher(context=known, allow_private=True)

    def test_a_server_that_drips_is_not_waited_for(self):
        for head in (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nx-name: "):
            with Dripping(head) as server, mock.patch.object(fetch, "TIMEOUT", 1.0):
                begun = time.monotonic()
                with self.assertRaises(LegationError, msg=head) as raised:
                    self.fetch(server.url)
                self.assertEqual(raised.exception.code, "fetch_failed")
                self.assertLess(time.monotonic() - begun, 3)

    def test_what_is_there_is_fetched(self):
        with Dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc") as server:
            self.assertEqual(self.fetch(server.url), b"abcxxx")

    def test_all_evidence_of_a_decision_has_one_deadline(self):
        told = []

        class Look:
            def add_failure(self, what, reason, at):
                told.append((what, reason))

        with Dripping(b"HTTP/1.1 200 OK\r\n\r\n") as server:
            needs = [{"did": f"did:web:{number}", "url": server.url} for number in range(3)]
            begun = time.monotonic()
            bring(Look(), needs, self.fetch, 0, begun + 1)
            self.assertLess(time.monotonic() - begun, 3)
        self.assertEqual([what for what, _ in told], [need["did"] for need in needs])

    def test_only_addresses_of_the_open_internet_are_public(self):
        addresses = json.loads((HERE.parent.parent / "tests/addresses.json").read_text())
        for is_open in ("public", "other"):
            for address in addresses[is_open]:
                self.assertEqual(is_public(address), is_open == "public", address)


@unittest.skipUnless(hasattr(os, "fork"), "no fork here")
class Forking(unittest.TestCase):
    def in_child(self, work):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                os.write(write, str(work()).encode())
            finally:
                os._exit(0)
        os.close(write)
        with open(read) as told:
            said = told.read()
        os.waitpid(child, 0)
        return said

    def test_a_child_has_the_evidence_that_its_parent_was_given(self):
        world = World()
        did, chain, document = world.by_web("acme.example")
        agent = Agent.from_text(json.dumps({**json.loads(world.text), "chain": chain}))
        trust = {**world.trust, "roots": [{**world.trust["roots"][0], "did": did}]}
        fetched_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        evidence = {"didDocuments": [{"did": did, "document": document, "fetchedAt": fetched_at}]}
        verifier = Verifier(trust, evidence=evidence, fetch=None)

        def decide():
            challenge = nonce()
            one = Presentation(agent.present(verifier.audience, challenge, now=int(time.time()) + 2), challenge)
            return verifier.decide(one, now=int(time.time()) + 2)["decision"]

        self.assertEqual(decide(), "valid")
        self.assertEqual(self.in_child(decide), "valid")


if __name__ == "__main__":
    unittest.main()
