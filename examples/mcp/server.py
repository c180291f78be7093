"""An MCP server by the official SDK, as it is: it pays, at http://localhost:8000/mcp. It knows nothing of who may call it."""

import os

import uvicorn
from mcp.server import MCPServer

server = MCPServer("bank")


@server.tool()
def pay(amount: int, currency: str, to: str) -> str:
    """Pays an amount of cents to somebody."""
    return f"paid {amount / 100:.2f} {currency} to {to}"


port = int(os.environ.get("PORT", "8000"))
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=port, log_level="warning")
