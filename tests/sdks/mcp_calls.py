"""Calls of an MCP server by the official SDK's client, as it is.

    mcp_calls.py MODE URL            with the API key in `KEY`; MODE is `legacy` (sessions) or `auto` (2026-07-28)
    mcp_calls.py MODE stdio CMD…

It prints a line of JSON for each thing that it did.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


def told(**what):
    print(json.dumps(what), flush=True)


async def call(client, name, **arguments):
    try:
        result = await client.call_tool(name, arguments)
        text = " ".join(part.text for part in result.content)
        told(call=name, denied=bool(result.is_error), text=text, meta=result.meta)
    except Exception as error:  # what the SDK raises is what is looked at
        told(call=name, raised=type(error).__name__, text=str(error))


async def elicited(_context, _params):
    from mcp.types import ElicitResult

    return ElicitResult(action="accept", content={"sure": True})


async def talk(target, mode):
    async with Client(target, mode=mode, elicitation_callback=elicited) as client:
        tools = await client.list_tools()
        told(tools=[tool.name for tool in tools.tools])
        resources = await client.list_resources()
        told(resources=[str(resource.uri) for resource in resources.resources])
        await call(client, "book", nights=2)
        await call(client, "book", nights=9)
        await call(client, "refund", amount=5)
        await call(client, "suite", nights=1)


async def main():
    mode, target, *command = sys.argv[1:]
    if target == "stdio":
        await talk(StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ)), mode)
        return
    headers = {"authorization": f"Bearer {os.environ['KEY']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        await talk(streamable_http_client(target, http_client=http), mode)


asyncio.run(main())
