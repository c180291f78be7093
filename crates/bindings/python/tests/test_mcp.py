"""The official MCP SDK, the real one: server and client in this process."""

import asyncio
import unittest

from mcp import Client
from mcp.server import MCPServer
from shop import Shop

from legation import Vouched
from legation.adapters.mcp import Guard


class Mcp(unittest.TestCase):
    def test_each_call_is_decided_with_its_arguments_before_it_runs(self):
        shop = Shop()
        agent, organization = shop.acting.agent, shop.organization
        callers = {"now": Vouched(agent.chain, agent.did, "session 1")}
        server = MCPServer("shop", middleware=[Guard(organization.verifier(), organization.resource, lambda _: callers["now"])])
        server.add_tool(shop.buy)
        server.add_tool(shop.sell)

        async def main():
            async with Client(server) as client:
                done = await client.call_tool("buy", {"item": "tea", "amount": 90})
                self.assertEqual((done.is_error, done.content[0].text), (False, "bought tea"))
                for name, arguments, code in (("buy", {"item": "tea", "amount": 101}, "constraint_violated"), ("sell", {"item": "tea"}, "not_granted")):
                    answer = await client.call_tool(name, arguments)
                    self.assertTrue(answer.is_error)
                    self.assertIn(f"denied: {code}", answer.content[0].text)
                    self.assertIn("What to do:", answer.content[0].text)
                callers["now"] = None
                self.assertIn("nobody is known", (await client.call_tool("buy", {"item": "tea", "amount": 1})).content[0].text)
                self.assertEqual(len((await client.list_tools()).tools), 2, "and what calls no tool is left alone")

        asyncio.run(main())
        self.assertEqual(shop.bought, [("tea", 90)])


if __name__ == "__main__":
    unittest.main()
