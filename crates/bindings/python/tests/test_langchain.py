"""LangGraph and LangChain, the real ones, with a model whose words are scripted: a denial goes back to it with the cure."""

import asyncio
import threading
import unittest
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command
from pydantic import BaseModel, field_validator
from shop import Shop, eager
from world import RESOURCE, World

from legation import Agent, Verifier
from legation.adapters.base import Acting
from legation.adapters.langchain import guarded

BOUGHT = []


@tool
def buy(item: str, amount: int) -> str:
    """Buys an item for an amount in cents."""
    BOUGHT.append((item, amount))
    return f"bought {item}"


@tool
async def sell(item: str) -> str:
    """Sells an item."""
    BOUGHT.append(item)
    return f"sold {item}"


class Dollars(BaseModel):
    """Reads whole dollars as cents, so that what was read twice is another amount."""

    item: str
    amount: int

    @field_validator("amount")
    @classmethod
    def in_cents(cls, value):
        return value * 100


@tool(args_schema=Dollars)
def order(item: str, amount: int) -> str:
    """Orders an item for an amount in dollars."""
    BOUGHT.append((item, amount))
    return f"ordered {item}"


class Plain(BaseTool):
    """A tool that is a class, knows of no event loop and takes neither settings nor callbacks."""

    name: str = "fetch"
    description: str = "Fetches an item."

    def _run(self, item: str) -> str:
        BOUGHT.append((item, threading.current_thread() is threading.main_thread()))
        return f"fetched {item}"


def fails(item: str) -> str:
    raise ToolException(f"no {item}")


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def call(name, **arguments):
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


def graph(acting, *words):
    return create_graph(Scripted(messages=iter(words)), [guarded(acting, buy), guarded(acting, sell)]).compile()


def create_graph(model, tools):
    built = StateGraph(MessagesState)
    built.add_node("model", lambda state: {"messages": [model.bind_tools(tools).invoke(state["messages"])]})
    built.add_node("tools", ToolNode(tools))
    built.add_edge(START, "model")
    built.add_conditional_edges("model", tools_condition)
    built.add_edge("tools", "model")
    return built


class LangGraph(unittest.TestCase):
    def setUp(self):
        BOUGHT.clear()
        world = World(actions=["mcp:tools/call:buy"], constraints=[{"type": "argument", "name": "amount", "max": 100}])
        self.acting = Acting(Agent.from_text(world.text), Verifier(world.trust, fetch=None), RESOURCE)

    def told(self, answer):
        return [message.content for message in answer["messages"] if isinstance(message, ToolMessage)]

    def test_what_is_delegated_runs_and_a_denial_goes_back_with_the_cure(self):
        words = (call("buy", item="tea", amount=500), call("buy", item="tea", amount=90), AIMessage("done"))
        answer = graph(self.acting, *words).invoke({"messages": [HumanMessage("tea, please")]})
        denied, bought = self.told(answer)
        self.assertIn("constraint_violated", denied)
        self.assertIn("What to do:", denied)
        self.assertEqual((bought, BOUGHT), ("bought tea", [("tea", 90)]))

    def test_a_tool_that_was_not_delegated_beside_an_event_loop(self):
        built = graph(self.acting, call("sell", item="tea"), AIMessage("done"))
        answer = asyncio.run(built.ainvoke({"messages": [HumanMessage("sell")]}))
        self.assertIn("not_granted", self.told(answer)[0])
        self.assertEqual(BOUGHT, [])

    def test_an_agent_that_hands_over_hands_over_less(self):
        with self.acting.delegate_to("researcher", constraints=[{"type": "argument", "name": "amount", "max": 10}]) as child:
            answer = graph(child, call("buy", item="tea", amount=11), AIMessage("done")).invoke({"messages": [HumanMessage("tea")]})
        self.assertIn("constraint_violated", self.told(answer)[0])
        self.assertNotEqual(child.agent.did, self.acting.agent.did)
        self.assertEqual(BOUGHT, [])


class Approvals(unittest.TestCase):
    """What needs an approval interrupts the graph, which goes on after it: also one that was made anew, of what its checkpoints hold."""

    def graph(self, shop, script, saver):
        @tool("buy")
        def spend(item: str, amount: int, currency: str = "USD") -> str:
            """Buys an item for an amount in cents."""
            return shop.buy(item, amount, currency)

        return create_graph(script.for_langchain(), [guarded(shop.acting, spend)]).compile(checkpointer=saver)

    def test_the_graph_is_interrupted_and_resumes_after_a_restart(self):
        for approves in (True, False):
            shop, script, saver = Shop.with_approvals(), eager(), InMemorySaver()
            thread = {"configurable": {"thread_id": "1"}}
            waiting = self.graph(shop, script, saver).invoke({"messages": [HumanMessage("tea, please")]}, thread)
            self.assertEqual(shop.bought, [])
            asked = waiting["__interrupt__"][0].value["approval"]
            again = self.graph(shop, script, saver)
            done = again.invoke(Command(resume=shop.organization.approve(asked) if approves else False), thread)
            self.assertEqual(done["messages"][-1].content, "done")
            self.assertEqual(shop.bought, [("tea", 90)] if approves else [])
            self.assertEqual("approval_required" in script.told(), not approves)

    def test_beside_an_event_loop(self):
        shop, script, saver = Shop.with_approvals(), eager(), InMemorySaver()
        thread = {"configurable": {"thread_id": "1"}}

        async def main():
            waiting = await self.graph(shop, script, saver).ainvoke({"messages": [HumanMessage("tea, please")]}, thread)
            approval = shop.organization.approve(waiting["__interrupt__"][0].value["approval"])
            await self.graph(shop, script, saver).ainvoke(Command(resume=approval), thread)

        asyncio.run(main())
        self.assertEqual(shop.bought, [("tea", 90)])

    def test_where_nobody_can_be_asked_it_is_a_denial(self):
        shop = Shop.with_approvals()
        spend = StructuredTool.from_function(shop.buy, name="buy")
        self.assertIn("denied: approval_required", guarded(shop.acting, spend).invoke({"item": "tea", "amount": 90, "currency": "USD"}))
        self.assertEqual(shop.bought, [])


class Tools(unittest.TestCase):
    def setUp(self):
        BOUGHT.clear()
        world = World(actions=["mcp:tools/call:*"], constraints=[{"type": "argument", "name": "amount", "max": 900}])
        self.acting = Acting(Agent.from_text(world.text), Verifier(world.trust, fetch=None), RESOURCE)
        free = World()
        self.free = Acting(Agent.from_text(free.text), Verifier(free.trust, fetch=None), RESOURCE)

    def test_what_runs_is_what_was_judged_whatever_its_schema_makes_of_it(self):
        one = guarded(self.acting, order)
        self.assertEqual(one.invoke({"item": "tea", "amount": 9}), "ordered tea")
        self.assertEqual(asyncio.run(one.ainvoke({"item": "tea", "amount": 8})), "ordered tea")
        self.assertEqual(BOUGHT, [("tea", 900), ("tea", 800)])
        self.assertIn("constraint_violated", one.invoke({"item": "tea", "amount": 10}))
        self.assertEqual(len(BOUGHT), 2)

    def test_each_kind_of_tool_runs_with_and_without_an_event_loop(self):
        single = Tool("single", lambda item: f"got {item}", "Gets an item.")
        for one, said in ((Plain(), "fetched tea"), (single, "got tea"), (sell, "sold tea")):
            name = next(iter(one.args))
            given = {name: "tea"}
            if one is not sell:
                self.assertEqual(guarded(self.free, one).invoke(given), said)
            self.assertEqual(asyncio.run(guarded(self.free, one).ainvoke(given)), said)
        self.assertEqual(BOUGHT, [("tea", True), ("tea", False), "tea"], "a tool that waits is not run in the loop's own thread")

    def test_a_tool_says_what_it_said_by_itself(self):
        for said, expected in (("out of order", "out of order"), (lambda error: f"sorry: {error}", "sorry: no tea"), (True, "no tea")):
            one = StructuredTool.from_function(fails, name="fails", description="Fails.", handle_tool_error=said)
            self.assertEqual(guarded(self.free, one).invoke({"item": "tea"}), expected)
        one = StructuredTool.from_function(lambda item: (item, [1]), name="pair", description="Two.", response_format="content_and_artifact")
        message = guarded(self.free, one).invoke({"name": "pair", "args": {"item": "tea"}, "id": "1", "type": "tool_call"})
        self.assertEqual((message.content, message.artifact), ("tea", [1]))


if __name__ == "__main__":
    unittest.main()
