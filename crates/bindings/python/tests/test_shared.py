"""One agent and one verifier, shared: among threads and processes, by callbacks that fail, event loops that are closed, clocks that jump."""

import asyncio
import gc
import json
import multiprocessing
import os
import resource
import threading
import time
import unittest
import warnings

import httpx
from service import Service
from world import World

from legation import Agent, LegationError, Presentation, Verifier, nonce
from legation.httpx import LegationAuth
from legation.testing import Organization, assert_denied, assert_permitted

BUY = {"action": "mcp:tools/call:buy", "resource": "https://shop.example/tools"}


def shown(agent, audience, **when):
    challenge = nonce()
    return Presentation(agent.present(audience, challenge, **when), challenge)


def _present(agent, audience, queue):
    queue.put([(one.presentation, one.nonce) for one in (shown(agent, audience, now=int(time.time()) + 2) for _ in range(20))])


class Shared(unittest.TestCase):
    def setUp(self):
        self.organization = Organization()
        self.agent, self.verifier = self.organization.agent(), self.organization.verifier()

    def test_threads_share_one_agent(self):
        said, failures = [], []

        def work():
            try:
                for _ in range(50):
                    said.append(self.verifier.decide(shown(self.agent, self.organization.audience), BUY)["decision"])
                    with self.agent.delegate("child") as child:
                        said.append(self.verifier.decide(shown(child, self.organization.audience), BUY)["decision"])
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        self.assertEqual((failures, said), ([], ["permit"] * 800))

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_processes_share_one_agent_and_no_nonce(self):
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        with warnings.catch_warnings():
            # That a process with threads is forked is what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            children = [context.Process(target=_present, args=(self.agent, self.organization.audience, queue)) for _ in range(3)]
            [child.start() for child in children]
        _present(self.agent, self.organization.audience, queue)
        every = [one for _ in range(4) for one in queue.get(timeout=20)]
        [child.join() for child in children]
        self.assertEqual(len({nonce for _, nonce in every}), 80, "the same randomness on both sides of a fork")
        for one in every:
            self.assertEqual(self.verifier.decide(Presentation(*one), BUY, now=int(time.time()) + 2)["decision"], "permit")

    def test_a_callback_that_fails_leaves_the_agent_as_it_was(self):
        class Gone(Exception):
            pass

        failing, other = [True], Agent.generate()
        chain = self.agent.delegate_to(other.did)
        answers = []

        def sign(message):
            if failing[0]:
                raise Gone("the manager is gone")
            answers.append(message)
            return b"\0" * 64

        elsewhere = Agent.from_signer(other.describe()["publicKey"], sign, chain)
        for _ in range(100):
            with self.assertRaises(Gone):
                elsewhere.present(self.organization.audience, nonce())
            with self.assertRaises(Gone):
                elsewhere.sign("GET", "https://shop.example/tools")
        failing[0] = False
        with assert_denied("not_presented"):
            elsewhere.present(self.organization.audience, nonce())
        self.assertEqual((len(answers), elsewhere.chain), (1, chain))
        for wrong in (None, "text", 7, bytearray(64), b"", object()):
            strange = Agent.from_signer(other.describe()["publicKey"], lambda _, wrong=wrong: wrong, chain)
            with self.assertRaises(LegationError):
                strange.present(self.organization.audience, nonce())

    def test_a_callback_may_call_the_agent_and_the_verifier_again(self):
        world = World()
        did, chain, _ = world.by_web("acme.example")
        agent, other = Agent.from_text(json.dumps({**json.loads(world.text), "chain": chain})), Agent.from_text(world.text)
        said = []

        def fetch(url):
            said.append(verifier.decide(shown(other, world.trust["audience"]), BUY)["decision"])
            raise OSError("it is not there")

        verifier = Verifier({**world.trust, "roots": [*world.trust["roots"], {**world.trust["roots"][0], "did": did}]}, fetch=fetch)
        self.assertEqual(verifier.verify(shown(agent, world.trust["audience"]), BUY)["decision"], "deny")
        self.assertEqual(set(said), {"permit"})

    def test_an_event_loop_that_is_closed_in_the_middle(self):
        begun, go_on = threading.Event(), threading.Event()

        def slow(method, path, headers, body):
            begun.set()
            go_on.wait(5)
            return 200, b"ok"

        async def cut(url):
            async with httpx.AsyncClient(auth=LegationAuth(self.agent)) as client:
                task = asyncio.create_task(client.get(url))
                await asyncio.to_thread(begun.wait, 5)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                # And one that nobody waits for when the loop ends.
                asyncio.create_task(self.verifier.averify(shown(self.agent, self.organization.audience), BUY))

        with Service(slow) as service:
            asyncio.run(cut(service.url))
            go_on.set()
            self.assertEqual(httpx.get(service.url, auth=LegationAuth(self.agent)).text, "ok")
        verdict = asyncio.run(self.verifier.averify(shown(self.agent, self.organization.audience), BUY))
        assert_permitted(verdict)

    def test_a_clock_that_jumps_permits_nothing_twice(self):
        now = int(time.time())
        one = shown(self.agent, self.organization.audience, now=now)
        self.assertEqual(self.verifier.decide(one, BUY, now=now)["decision"], "permit")
        for jump in (0, 3600, -3600, 86_400 * 365, -86_400 * 365, 0):
            self.assertEqual(self.verifier.decide(one, BUY, now=now + jump)["decision"], "deny", jump)
        # What comes after the jump is decided by its own time.
        later = shown(self.agent, self.organization.audience, now=now + 60)
        self.assertEqual(self.verifier.decide(later, BUY, now=now + 60)["decision"], "permit")
        for moment in (-(2**53), 2**53, 2**62, -1):
            try:
                verdict = self.verifier.decide(shown(self.agent, self.organization.audience), BUY, now=moment)
            except LegationError as error:
                self.assertEqual(error.code, "input")
            else:
                self.assertEqual(verdict["decision"], "deny")

    def test_what_is_made_is_let_go_of(self):
        evidence = {"didDocuments": []}
        for _ in range(50):
            self.organization.verifier(evidence=evidence)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(2000):
            verifier = self.organization.verifier(evidence=evidence)
            verifier.decide(shown(self.agent, self.organization.audience), BUY)
        del verifier
        gc.collect()
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 30 << 10, "KiB more")


if __name__ == "__main__":
    unittest.main()
