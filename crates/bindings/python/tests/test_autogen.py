"""AutoGen, the real one, with a model whose words are scripted."""

import asyncio
import json
import unittest

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool
from shop import Shop, stubborn

from legation.adapters.autogen import Guarded

USAGE = RequestUsage(prompt_tokens=0, completion_tokens=0)


class Scripted(ChatCompletionClient):
    def __init__(self, script):
        self.script = script

    async def create(self, messages, **_):
        said = self.script.next(repr(messages[-1]))
        if isinstance(said, str):
            return CreateResult(finish_reason="stop", content=said, usage=USAGE, cached=False)
        call = FunctionCall(id=said["id"], name=said["name"], arguments=json.dumps(said["arguments"]))
        return CreateResult(finish_reason="function_calls", content=[call], usage=USAGE, cached=False)

    @property
    def model_info(self):
        return ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)

    def create_stream(self, *_, **__):
        raise NotImplementedError

    async def close(self):
        pass

    def actual_usage(self):
        return USAGE

    total_usage = actual_usage

    def count_tokens(self, *_, **__):
        return 0

    def remaining_tokens(self, *_, **__):
        return 1000

    @property
    def capabilities(self):
        return self.model_info


class AutoGen(unittest.TestCase):
    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        shop, script = Shop(), stubborn()
        tools = [FunctionTool(tool, description=tool.__doc__) for tool in (shop.buy, shop.sell)]
        agent = AssistantAgent("buyer", Scripted(script), workbench=Guarded(tools, shop.acting), max_tool_iterations=9)
        done = asyncio.run(agent.run(task="tea, please"))
        self.assertEqual((done.messages[-1].content, shop.bought), ("done", [("tea", 40)]))
        for words in ("denied: constraint_violated", "denied: not_granted", "What to do:"):
            self.assertIn(words, script.told())


if __name__ == "__main__":
    unittest.main()
