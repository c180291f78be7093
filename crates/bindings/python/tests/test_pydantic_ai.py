"""Pydantic AI, the real one, with a model whose words are scripted."""

import unittest

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.toolsets import FunctionToolset
from shop import Shop, eager, stubborn

from legation.adapters.pydantic_ai import Guarded


class PydanticAi(unittest.TestCase):
    def agent(self, shop, script):
        tools = Guarded(FunctionToolset([shop.buy, shop.sell]), shop.acting)
        return Agent(script.for_pydantic_ai(), toolsets=[tools], output_type=[str, DeferredToolRequests])

    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        shop, script = Shop(), stubborn()
        self.assertEqual(self.agent(shop, script).run_sync("tea, please").output, "done")
        self.assertEqual(shop.bought, [("tea", 40)])
        self.assertIn("denied: constraint_violated", script.told())
        self.assertIn("denied: not_granted", script.told())
        self.assertIn("What to do:", script.told())

    def test_an_approval_is_the_frameworks_own_deferral_and_goes_on_after_it(self):
        for approves in (True, False):
            shop, script = Shop.with_approvals(), eager()
            agent = self.agent(shop, script)
            waiting = agent.run_sync("tea, please")
            self.assertIsInstance(waiting.output, DeferredToolRequests)
            self.assertEqual(shop.bought, [])
            call = waiting.output.approvals[0].tool_call_id
            asked = waiting.output.metadata[call]["approval"]
            # Whoever says yes without an approval changes nothing.
            metadata = {call: {"approval": shop.organization.approve(asked)}} if approves else {}
            results = DeferredToolResults(approvals={call: True}, metadata=metadata)
            done = agent.run_sync(message_history=waiting.all_messages(), deferred_tool_results=results)
            self.assertEqual((done.output, shop.bought), ("done", [("tea", 90)] if approves else []))
            self.assertEqual("approval_required" in script.told(), not approves)


if __name__ == "__main__":
    unittest.main()
