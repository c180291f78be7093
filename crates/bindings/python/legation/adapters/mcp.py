"""The official MCP SDK: `MCPServer(name, middleware=[Guard(verifier, resource, whom)])` decides each call of a tool before it runs. Its
clients sign by `LegationAuth`, of `legation.httpx`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.types import CallToolResult, TextContent

from ..errors import LegationError
from ..verifier import Shown, Verifier
from .base import facts_of, told


class Guard:
    """`whom` says who calls: what was signed, or the delegations of an agent that the server itself knows; `None` is nobody."""

    def __init__(self, verifier: Verifier, resource: str, whom: Callable[[ServerRequestContext[Any]], Shown | None]) -> None:
        self._verifier, self._resource, self._whom = verifier, resource, whom

    async def _denied(self, ctx: ServerRequestContext[Any]) -> str | None:
        params = ctx.params or {}
        name, arguments = params.get("name"), params.get("arguments") or {}
        shown = self._whom(ctx)
        if shown is None:
            return "denied: nobody is known to call; sign the request"
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return "denied: a call has a `name` and an object of `arguments`"
        request = {"action": f"mcp:tools/call:{name}", "resource": self._resource, "facts": facts_of(arguments)}
        try:
            verdict = await self._verifier.averify(shown, request)
        except LegationError as error:
            return f"denied: {error}"
        return None if verdict.ok else told(verdict)

    async def __call__(self, ctx: ServerRequestContext[Any], call_next: Callable[[ServerRequestContext[Any]], Any]) -> Any:
        if ctx.method == "tools/call" and (denied := await self._denied(ctx)) is not None:
            return CallToolResult(content=[TextContent(type="text", text=denied)], is_error=True)
        return await call_next(ctx)
