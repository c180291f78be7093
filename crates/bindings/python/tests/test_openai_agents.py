"""The OpenAI Agents SDK, the real one, with a model whose words are scripted."""

import asyncio
import json
import unittest

from agents import Agent as Sdk
from agents import Model, ModelResponse, RunConfig, Runner, Usage, function_tool, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from shop import Shop, eager, say
from world import RESOURCE, World

from legation import Agent, Verifier
from legation.adapters.base import Acting
from legation.adapters.openai_agents import guarded
from legation.testing import ScriptedModel

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

    def test_an_approval_is_the_runs_own_interruption_and_goes_on_after_it(self):
        for approves in (True, False):
            shop, script = Shop.with_approvals(), eager()
            sdk = Sdk(name="buyer", tools=[guarded(shop.acting, function_tool(shop.buy))], model=script.for_openai_agents())
            config = RunConfig(tracing_disabled=True)

            async def main():
                waiting = await Runner.run(sdk, "tea, please", run_config=config)
                self.assertEqual((len(waiting.interruptions), shop.bought), (1, []))
                item, state = waiting.interruptions[0], waiting.to_state()
                asked = shop.acting.on_tool_call("buy", json.loads(item.raw_item.arguments))
                if approves:
                    shop.acting.approved(item.raw_item.call_id, shop.organization.approve(asked))
                state.approve(item)
                return await Runner.run(sdk, state, run_config=config)

            # Whoever says yes without an approval changes nothing.
            self.assertEqual(asyncio.run(main()).final_output, "done")
            self.assertEqual(shop.bought, [("tea", 90)] if approves else [])
            self.assertEqual("denied: approval_required" in script.told(), not approves)

    def test_a_call_is_decided_once(self):
        # A budget that holds one call: were it debited when the run asks and again when the tool runs, nothing would be bought.
        shop = Shop({"type": "rate", "max": 1, "seconds": 60})
        script = ScriptedModel(*(say("buy", item="tea", amount=40) for _ in range(2)), "done")
        sdk = Sdk(name="buyer", tools=[guarded(shop.acting, function_tool(shop.buy))], model=script.for_openai_agents())
        asyncio.run(Runner.run(sdk, "tea, please", run_config=RunConfig(tracing_disabled=True)))
        self.assertEqual(shop.bought, [("tea", 40)])
        self.assertIn("denied: ", script.told())


if __name__ == "__main__":
    unittest.main()
