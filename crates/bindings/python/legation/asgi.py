"""ASGI middleware: only signed requests pass that a chain permits; every other is answered with problem details."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from .agent import Agent
from .errors import LegationError
from .verifier import SignedRequest, Verifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STATUS = {"chain_unknown": 401, "header_repeated": 400, "input_too_large": 413, "input": 400}


class _Gone(Exception):
    """The caller is gone: there is nobody to answer."""


class LegationMiddleware:
    """`origin` is the service's own, which requests are signed for and `Host` has no say in. `map` reads a `SignedRequest` as `{"action",
    "resource", "facts"}`; take the resource from its `url`, which is what was signed. Handlers find `scope["legation"]`, the verdict.
    What is no request over HTTP, such as a WebSocket, is refused; the lifespan passes."""

    def __init__(
        self,
        app: Any,
        *,
        verifier: Verifier,
        origin: str,
        map: Callable[[SignedRequest], Any],
        signer: Agent | None = None,
        max_body: int = 1 << 20,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
            raise LegationError("input", "`origin` must be scheme and host of this service, such as `https://shop.example`")
        self._app, self._verifier, self._origin, self._map = app, verifier, origin, map
        self._signer, self._max_body, self._on_error = signer, max_body, on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008, "reason": "only signed requests over HTTP pass"})
        try:
            body = await self._read(receive)
            verdict = await self._judge(scope, body)
        except LegationError as error:
            known = STATUS.get(error.code)
            if known is not None:
                return await _problem(send, {"status": known, "code": error.code, "detail": error.message})
            return await self._unavailable(send, error)
        except _Gone:
            return None
        except Exception as error:  # what failed here is no permit
            return await self._unavailable(send, error)
        if verdict.get("decision") != "permit":
            return await _problem(send, {**verdict["problem"], "receipt": verdict.get("receipt")})
        told = False

        async def again() -> MutableMapping[str, Any]:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        scope["legation"] = verdict
        return await self._app(scope, again, send)

    async def _unavailable(self, send: Send, error: Exception) -> None:
        if self._on_error is not None:
            self._on_error(error)
        await _problem(send, {"status": 503, "code": "unavailable", "detail": "the service can't decide now; try again later"})

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            body += message.get("body", b"")
            if len(body) > self._max_body:
                raise LegationError("input_too_large", f"the body has more than {self._max_body} bytes")
            if not message.get("more_body"):
                return bytes(body)

    async def _judge(self, scope: Scope, body: bytes) -> Any:
        # The path as it came: what a server decoded would not be what was signed.
        raw = scope.get("raw_path") or scope["path"].encode()
        target = raw.split(b"?")[0].decode("latin-1")
        if not target.startswith("/"):
            # A whole URL or `*` would stand behind the origin as if it were a part of it.
            raise LegationError("input", "the request's target must be a path")
        if query := scope.get("query_string"):
            target += "?" + query.decode("latin-1")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        shown = SignedRequest(scope["method"], f"{self._origin}{target}", headers, body)
        request = self._map(shown)
        if inspect.isawaitable(request):
            request = await request
        if request is None:
            raise TypeError("`map` does not say what the request asks for")
        return await self._verifier.averify(shown, request, signer=self._signer)


async def _problem(send: Send, members: dict[str, Any]) -> None:
    body = json.dumps({"type": "about:blank", **members}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    if members["status"] == 401:
        # RFC 9110 §15.5.2: such an answer says how to authenticate.
        headers.append((b"www-authenticate", b"Signature"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": members["status"], "headers": headers})
    await send({"type": "http.response.body", "body": body})
