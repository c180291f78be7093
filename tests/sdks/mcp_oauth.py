"""The whole dance of MCP's authorization by the official SDK's client, as it is: 401, discovery, a person's consent, a token, calls.

    mcp_oauth.py URL CLIENT_ID CODE ALLOW…    CODE is what the person types, ALLOW are the actions that it lets the program do

The person's part is done in Chromium by browser.mjs where `BROWSER` is its command, else by forms that are posted here. It prints a line of JSON for each thing
that it did.
"""

import asyncio
import html
import json
import os
import re
import subprocess
import sys
from urllib.parse import parse_qs, urljoin, urlparse

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata
from pydantic import AnyUrl

BACK = "http://127.0.0.1:9/callback"


def told(**what):
    print(json.dumps(what), flush=True)


class Storage:
    """Where the SDK keeps its tokens, and finds the program that an admin has added."""

    def __init__(self, client_id):
        self.tokens = None
        self.client = OAuthClientInformationFull(
            client_id=client_id, redirect_uris=[AnyUrl(BACK)], token_endpoint_auth_method="none"
        )

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens
        told(token=tokens.token_type, scope=tokens.scope, refresh=bool(tokens.refresh_token))

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        raise AssertionError("nobody registers by itself")


def by_forms(url, code, allow):
    def field(page, name):
        return html.unescape(re.search(f'name="{name}" value="([^"]*)"', page)[1])

    with httpx2.Client(headers={"sec-fetch-site": "same-origin"}) as browser:
        page = browser.get(url).text
        signed = browser.post(urljoin(url, "sign-in"), data={"request": field(page, "request"), "code": code})
        page = browser.get(urljoin(url, signed.headers["location"])).text
        form = {"request": field(page, "request"), "form": field(page, "form"), "act": "allow", "action": allow}
        return browser.post(urljoin(url, "consent"), data=form).headers["location"]


def by_chromium(url, code, allow):
    return subprocess.run([*os.environ["BROWSER"].split(), url, code, *allow], check=True, capture_output=True, text=True).stdout.strip()


async def main():
    url, client_id, code, *allow = sys.argv[1:]
    answers = []

    async def leads(to):
        told(asks=parse_qs(urlparse(to).query))
        person = by_chromium if os.environ.get("BROWSER") else by_forms
        answers.append(await asyncio.to_thread(person, to, code, allow))

    async def comes_back():
        sent = {name: values[0] for name, values in parse_qs(urlparse(answers.pop()).query).items()}
        return AuthorizationCodeResult(**{name: sent.get(name) for name in ("code", "state", "iss")})

    auth = OAuthClientProvider(
        url,
        OAuthClientMetadata(redirect_uris=[AnyUrl(BACK)], token_endpoint_auth_method="none", client_name="Hotel app"),
        Storage(client_id),
        redirect_handler=leads,
        callback_handler=comes_back,
    )
    async with httpx2.AsyncClient(auth=auth, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode="auto") as client:
            tools = await client.list_tools()
            told(tools=[tool.name for tool in tools.tools])
            for name, arguments in (("book", {"nights": 2}), ("refund", {"amount": 5})):
                try:
                    result = await client.call_tool(name, arguments)
                    told(call=name, denied=bool(result.is_error), text=" ".join(part.text for part in result.content))
                except Exception as error:  # what the SDK raises is what is looked at
                    told(call=name, denied=True, text=str(error))


asyncio.run(main())
