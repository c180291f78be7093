"""Calls the tool `pay` by the official SDK, as it is: `pay.py CENTS WHOM`. URL is the server's address, KEY an agent's API key."""

import asyncio
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main():
    headers = {"authorization": f"Bearer {os.environ['KEY']}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        async with Client(streamable_http_client(os.environ["URL"], http_client=http)) as client:
            call = {"amount": int(sys.argv[1]), "currency": "USD", "to": sys.argv[2]}
            result = await client.call_tool("pay", call)
    print(" ".join(part.text for part in result.content))
    sys.exit(1 if result.is_error else 0)


asyncio.run(main())
