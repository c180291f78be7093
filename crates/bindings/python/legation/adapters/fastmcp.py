"""FastMCP: `server.add_middleware(Guard(verifier, resource, whom))` decides each call of a tool before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from ..verifier import Shown, Verifier
from .base import facts_of, told


class Guard(Middleware):
    """`whom` says who calls: what was signed, or the delegations of an agent that the server itself knows; `None` is nobody."""

    def __init__(self, verifier: Verifier, resource: str, whom: Callable[[MiddlewareContext[Any]], Shown | None]) -> None:
        self._verifier, self._resource, self._whom = verifier, resource, whom

    async def on_call_tool(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        shown = self._whom(context)
        if shown is None:
            raise ToolError("denied: nobody is known to call; sign the request")
        request = {
            "action": f"mcp:tools/call:{context.message.name}",
            "resource": self._resource,
            "facts": facts_of(context.message.arguments or {}),
        }
        verdict = await self._verifier.averify(shown, request)
        if not verdict.ok:
            raise ToolError(told(verdict))
        return await call_next(context)
