"""FastMCP, the real one: server and client in this process."""

import asyncio
import unittest

from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from world import RESOURCE, World

from legation import Verifier, Vouched
from legation.adapters.fastmcp import Guard

BOUGHT = []


class FastMcp(unittest.TestCase):
    def test_each_call_is_decided_with_its_arguments_before_it_runs(self):
        world = World(actions=["mcp:tools/call:buy"], constraints=[{"type": "argument", "name": "amount", "max": 100}])
        verifier = Verifier({**world.trust, "vouched": True}, fetch=None)
        callers = {"now": Vouched(world.chain, world.agent, "session 1")}
        server = FastMCP("shop")
        server.add_middleware(Guard(verifier, RESOURCE, lambda _: callers["now"]))

        @server.tool
        def buy(item: str, amount: int) -> str:
            BOUGHT.append((item, amount))
            return f"bought {item}"

        @server.tool
        def sell(item: str) -> str:
            BOUGHT.append(item)
            return "sold"

        async def main():
            async with Client(server) as client:
                self.assertEqual((await client.call_tool("buy", {"item": "tea", "amount": 90})).data, "bought tea")
                for name, arguments, code in (("buy", {"item": "tea", "amount": 101}, "constraint_violated"), ("sell", {"item": "tea"}, "not_granted")):
                    with self.assertRaises(ToolError) as raised:
                        await client.call_tool(name, arguments)
                    self.assertIn(code, str(raised.exception))
                    self.assertIn("What to do:", str(raised.exception))
                callers["now"] = None
                with self.assertRaises(ToolError):
                    await client.call_tool("buy", {"item": "tea", "amount": 1})

        asyncio.run(main())
        self.assertEqual(BOUGHT, [("tea", 90)])


if __name__ == "__main__":
    unittest.main()
