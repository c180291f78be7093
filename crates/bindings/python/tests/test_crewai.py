"""CrewAI, the real one, with a model whose words are scripted."""

import json
import os
import tempfile
import unittest

# Nothing is sent to anybody, and nothing is kept in the user's own folder.
os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_STORAGE_DIR=tempfile.mkdtemp(), HOME=tempfile.mkdtemp())

from crewai import Agent, BaseLLM, Crew, Task  # noqa: E402
from crewai.tools import tool  # noqa: E402
from shop import Shop, stubborn  # noqa: E402

from legation.adapters.crewai import guarded  # noqa: E402


class Scripted(BaseLLM):
    """A model that calls tools as text, which CrewAI asks for where a model knows no function calls."""

    script: object = None

    def call(self, messages, *_, **__):
        said = self.script.next(repr(messages))
        if isinstance(said, str):
            return f"Thought: I know the answer.\nFinal Answer: {said}"
        return f"Thought: I use a tool.\nAction: {said['name']}\nAction Input: {json.dumps(said['arguments'])}"

    def supports_function_calling(self):
        return False


class CrewAi(unittest.TestCase):
    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        shop, script = Shop(), stubborn()

        @tool("buy")
        def buy(item: str, amount: int, currency: str = "USD") -> str:
            """Buys an item for an amount in cents."""
            return shop.buy(item, amount, currency)

        @tool("sell")
        def sell(item: str) -> str:
            """Sells an item."""
            return shop.sell(item)

        tools = [guarded(shop.acting, one) for one in (buy, sell)]
        model = Scripted(model="scripted")
        model.script = script
        agent = Agent(role="buyer", goal="buy tea", backstory="A buyer.", llm=model, tools=tools, cache=False)
        task = Task(description="buy tea", expected_output="a word", agent=agent)
        done = Crew(agents=[agent], tasks=[task], verbose=False).kickoff()
        self.assertEqual((done.raw, shop.bought), ("done", [("tea", 40)]))
        for words in ("denied: constraint_violated", "denied: not_granted", "What to do:"):
            self.assertIn(words, script.told())


if __name__ == "__main__":
    unittest.main()
