"""`httpx`, signed: `httpx.Client(auth=LegationAuth(agent))`, and the same for `AsyncClient`."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx

from .agent import Agent
from .errors import LegationError


def code_of(body: bytes) -> Any:
    """The code of a refusal, as problem details have it or as SDKs of models read it."""
    try:
        problem = json.loads(body[: 64 << 10])
        return problem.get("code") or problem.get("error", {}).get("code")
    except (ValueError, AttributeError):
        return None


class LegationAuth(httpx.Auth):
    """Signs each request. A service that knows the delegations gets their digest, and themselves where it asks for them; they are
    renewed where they end soon, or where a gateway denies for them."""

    requires_request_body = True

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def _set(self, request: httpx.Request, by: str, nonce: str | None) -> None:
        for name in ("agent-delegation", "content-digest", "signature", "signature-input"):
            if name in request.headers:
                del request.headers[name]
        signed = self._agent.sign(request.method, str(request.url), request.headers.multi_items(), request.content, by=by, nonce=nonce)
        for name, value in signed:
            request.headers[name] = value

    def _flow(self, request: httpx.Request) -> Generator[httpx.Request | None, Any, None]:
        # Gives requests to be sent, and after each refusal `None` for its body: reading it waits in one way or the other.
        agent, url = self._agent, str(request.url)
        if agent._is_due(url):
            yield from self._renew()
        by, nonce = agent._begin(url)
        self._set(request, by, nonce)
        response = yield request
        if response.status_code == 401 and by == "digest" and code_of((yield None)) == "chain_unknown":
            agent._forget(url)
            self._set(request, "chain", nonce)
            response = yield request
        if response.status_code == 401 and agent._may_renew(url) and (yield from self._renew()):
            # What was denied for its delegations was not carried out, and may pass with newer ones.
            self._set(request, "chain", None)
            response = yield request
        agent._told(url, response.status_code)

    def _renew(self) -> Generator[httpx.Request | None, Any, bool]:
        url, headers = self._agent._renewal()
        response = yield httpx.Request("GET", url, headers=headers)
        try:
            return self._agent._renewed(response.status_code, (yield None))
        except LegationError:
            return False

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.read()
        flow = self._flow(request)
        response: httpx.Response | None = None
        given: Any = None
        while True:
            try:
                asked = flow.send(given)
            except StopIteration:
                return
            if asked is None:
                assert response is not None
                given = response.read()
            else:
                response = given = yield asked

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        await request.aread()
        flow = self._flow(request)
        response: httpx.Response | None = None
        given: Any = None
        while True:
            try:
                asked = flow.send(given)
            except StopIteration:
                return
            if asked is None:
                assert response is not None
                given = await response.aread()
            else:
                response = given = yield asked
