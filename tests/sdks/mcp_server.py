"""An MCP server by the official SDK, as it is.

    mcp_server.py PORT    streamable HTTP at http://127.0.0.1:PORT/mcp
    mcp_server.py stdio

It books rooms, asks whoever books a suite (elicitation), and has a tool that nobody should be granted.
"""

import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import BaseModel

server = MCPServer("hotel")


class Sure(BaseModel):
    sure: bool


@server.tool()
def book(nights: int, room: str = "single") -> str:
    """Books a room for some nights."""
    return f"booked a {room} for {nights} nights"


@server.tool()
async def suite(nights: int, ctx: Context) -> str:
    """Books a suite, and asks first."""
    answer = await ctx.elicit("a suite?", Sure)
    return f"booked a suite for {nights} nights: {answer.action}"


@server.tool()
def refund(amount: int, currency: str = "EUR") -> str:
    """Pays money back."""
    return f"paid back {amount}"


@server.resource("hotel://rooms")
def rooms() -> str:
    """The rooms."""
    return "single, double, suite"


if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
