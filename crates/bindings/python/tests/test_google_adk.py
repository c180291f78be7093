"""Google ADK, the real one, with a model whose words are scripted."""

import asyncio
import unittest

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
from shop import Shop, eager, stubborn

from legation.adapters.google_adk import Guard

CONFIRM = "adk_request_confirmation"


class Scripted(BaseLlm):
    script: object

    async def generate_content_async(self, llm_request, stream=False):
        said = self.script.next(str(llm_request.contents))
        if isinstance(said, str):
            part = types.Part(text=said)
        else:
            part = types.Part(function_call=types.FunctionCall(id=said["id"], name=said["name"], args=said["arguments"]))
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


class GoogleAdk(unittest.TestCase):
    def run_all(self, shop, script, work):
        async def main():
            agent = LlmAgent(name="buyer", model=Scripted(model="scripted", script=script), tools=[shop.buy, shop.sell])
            runner = InMemoryRunner(app=App(name="shop", root_agent=agent, plugins=[Guard(shop.acting)]))
            session = await runner.session_service.create_session(app_name="shop", user_id="u")

            async def say(*parts):
                message = types.Content(role="user", parts=list(parts))
                return [event async for event in runner.run_async(user_id="u", session_id=session.id, new_message=message)]

            await work(say)

        asyncio.run(main())

    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        shop, script = Shop(), stubborn()

        async def work(say):
            events = await say(types.Part(text="tea, please"))
            self.assertEqual(events[-1].content.parts[0].text, "done")

        self.run_all(shop, script, work)
        self.assertEqual(shop.bought, [("tea", 40)])
        for words in ("denied: constraint_violated", "denied: not_granted", "What to do:"):
            self.assertIn(words, script.told())

    def test_an_approval_is_the_frameworks_own_confirmation_and_goes_on_after_it(self):
        for approves in (True, False):
            shop, script = Shop.with_approvals(), eager()

            async def work(say):
                events = await say(types.Part(text="tea, please"))
                calls = [call for event in events for call in event.get_function_calls() if call.name == CONFIRM]
                self.assertEqual((len(calls), shop.bought), (1, []))
                asked = calls[0].args["toolConfirmation"]["payload"]["approval"]
                payload = {"approval": shop.organization.approve(asked)} if approves else {}
                response = types.FunctionResponse(id=calls[0].id, name=CONFIRM, response={"confirmed": True, "payload": payload})
                await say(types.Part(function_response=response))

            self.run_all(shop, script, work)
            self.assertEqual(shop.bought, [("tea", 90)] if approves else [])


if __name__ == "__main__":
    unittest.main()
