"""The OpenAI Agents SDK, the real one, with a model whose words are scripted."""

import asyncio
import json
import unittest

from agents import Agent as Sdk
from agents import Model, ModelResponse, RunConfig, Runner, Usage, function_tool, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from world import RESOURCE, World

from legation import Agent, Verifier
from legation.adapters.base import Acting
from legation.adapters.openai_agents import guarded

BOUGHT = []
set_tracing_disabled(True)


@function_tool
def buy(item: str, amount: int) -> str:
    """Buys an item for an amount in cents."""
    BOUGHT.append((item, amount))
    return f"bought {item}"


class Scripted(Model):
    def __init__(self, *words):
        self.words, self.seen = list(words), []

    async def get_response(self, system_instructions, input, *_, **__):
        self.seen.append(input)
        return ModelResponse(output=[self.words.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise NotImplementedError


def call(name, **arguments):
    # Each call has an id of its own.
    return ResponseFunctionToolCall(type="function_call", name=name, arguments=json.dumps(arguments), call_id=f"call-{arguments}")


def words(text):
    content = [ResponseOutputText(type="output_text", text=text, annotations=[])]
    return ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=content)


class OpenAiAgents(unittest.TestCase):
    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        world = World(actions=["mcp:tools/call:buy"], constraints=[{"type": "argument", "name": "amount", "max": 100}])
        acting = Acting(Agent.from_text(world.text), Verifier(world.trust, fetch=None), RESOURCE)
        model = Scripted(call("buy", item="tea", amount=500), call("buy", item="tea", amount=90), words("done"))
        sdk = Sdk(name="buyer", tools=[guarded(acting, buy)], model=model)
        done = asyncio.run(Runner.run(sdk, "tea, please", run_config=RunConfig(tracing_disabled=True)))
        self.assertEqual((done.final_output, BOUGHT), ("done", [("tea", 90)]))
        self.assertIn("constraint_violated", json.dumps(model.seen[1]))
        self.assertIn("What to do:", json.dumps(model.seen[1]))


if __name__ == "__main__":
    unittest.main()
