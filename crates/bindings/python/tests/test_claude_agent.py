"""The Claude Agent SDK, the real one, with a transport whose words are scripted in place of its command: what that asks of a hook by the
control protocol is asked, and what it would tell its model is looked at."""

import json
import unittest

import anyio
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, Transport
from shop import Shop

from legation.adapters.claude_agent import hooks


class Scripted(Transport):
    """The other end: it answers `initialize`, and asks the hook before each of `calls`."""

    def __init__(self, calls):
        self.calls, self.said, self.hook = calls, [], None
        self.send, self.receive = anyio.create_memory_object_stream(100)

    async def connect(self):
        pass

    def is_ready(self):
        return True

    async def write(self, data):
        message = json.loads(data)
        if message["type"] == "control_request":
            matchers = (message["request"].get("hooks") or {}).get("PreToolUse")
            if matchers:
                self.hook = matchers[0]["hookCallbackIds"][0]
            response = {"subtype": "success", "request_id": message["request_id"], "response": {"commands": []}}
            await self.send.send({"type": "control_response", "response": response})
        elif message["type"] == "control_response":
            self.said.append(message["response"])
            await self.next()
        elif message["type"] == "user":
            await self.next()

    async def next(self):
        if not self.calls:
            result = {"type": "result", "subtype": "success", "duration_ms": 1, "duration_api_ms": 1, "is_error": False, "num_turns": 1, "session_id": "s"}
            await self.send.send(result)
            return
        name, arguments = self.calls.pop(0)
        given = {"hook_event_name": "PreToolUse", "tool_name": name, "tool_input": arguments, "tool_use_id": "t", "session_id": "s", "cwd": "/"}
        request = {"subtype": "hook_callback", "callback_id": self.hook, "input": given, "tool_use_id": "t"}
        await self.send.send({"type": "control_request", "request_id": f"r{len(self.said)}", "request": request})

    async def read_messages(self):
        async for message in self.receive:
            yield message

    async def close(self):
        await self.send.aclose()
        await self.receive.aclose()

    async def end_input(self):
        pass


class ClaudeAgent(unittest.TestCase):
    def asked(self, calls, acting, **options):
        transport = Scripted(calls)

        async def main():
            async with ClaudeSDKClient(ClaudeAgentOptions(hooks=hooks(acting, **options)), transport=transport) as client:
                await client.query("tea, please")
                async for _ in client.receive_response():
                    pass

        with anyio.from_thread.start_blocking_portal() as portal:
            portal.call(main)
        return [answer["response"].get("hookSpecificOutput", {}) for answer in transport.said]

    def test_each_call_is_decided_and_a_denial_is_the_reason_that_the_model_reads(self):
        shop = Shop()
        calls = [("buy", {"item": "tea", "amount": 500}), ("sell", {"item": "tea"}), ("buy", {"item": "tea", "amount": 40})]
        much, other, fits = self.asked(calls, shop.acting)
        for answer, code in ((much, "constraint_violated"), (other, "not_granted")):
            self.assertEqual(answer["permissionDecision"], "deny")
            self.assertIn(f"denied: {code}", answer["permissionDecisionReason"])
            self.assertIn("What to do:", answer["permissionDecisionReason"])
        self.assertEqual(fits, {}, "what else forbids it is not overruled")

    def test_who_approves_is_asked(self):
        shop = Shop.with_approvals()
        call = ("buy", {"item": "tea", "amount": 90, "currency": "USD"})
        self.assertIn("approval_required", self.asked([call], shop.acting)[0]["permissionDecisionReason"])
        self.assertEqual(self.asked([call], shop.acting, ask=shop.organization.approve), [{}])


if __name__ == "__main__":
    unittest.main()
