"""A call that needs an approval, by the official SDK's client, as it is: it asks whoever it acts for, and comes again by itself.

    mcp_approval.py URL GRANT...    with the API key in `KEY`; GRANT is run with the approval's id behind it

It prints a line of JSON for each thing that happened.
"""

import asyncio
import json
import os
import re
import subprocess
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult


def told(**what):
    print(json.dumps(what), flush=True)


async def main():
    url, *grant = sys.argv[1:]
    granted = set()

    async def elicited(_context, params):
        told(asked=params.message)
        found = re.search(r"legation approval show ([0-9a-f-]+)", params.message).group(1)
        # The second time the same person says no.
        if granted:
            return ElicitResult(action="decline")
        granted.add(found)
        done = subprocess.run([*grant[:3], found, *grant[3:]], capture_output=True, text=True, check=False)
        told(granted=done.returncode == 0, stderr=done.stderr)
        return ElicitResult(action="accept", content={})

    headers = {"authorization": f"Bearer {os.environ['KEY']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        target = streamable_http_client(url, http_client=http)
        async with Client(target, mode="auto", elicitation_callback=elicited) as client:
            for _ in range(2):
                result = await client.call_tool("refund", {"amount": 6000, "currency": "USD"})
                text = " ".join(part.text for part in result.content)
                told(denied=bool(result.is_error), text=text)


asyncio.run(main())
