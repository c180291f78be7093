"""Google ADK: `App(name=…, root_agent=…, plugins=[Guard(acting)])`.

A call that needs an approval asks for ADK's own confirmation, with the request in its payload; it goes on with
`{"confirmed": True, "payload": {"approval": approval}}`."""

from __future__ import annotations

import asyncio
from typing import Any

from google.adk.plugins.base_plugin import BasePlugin
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext

from .base import Acting, check_tool


class Guard(BasePlugin):
    """Decides each call of a tool before it runs; a denial is what the model reads, as `error`."""

    def __init__(self, acting: Acting) -> None:
        super().__init__(name="legation")
        self._acting = acting

    async def before_tool_callback(self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext) -> dict[str, Any] | None:
        asked: list[dict[str, Any]] = []
        given = tool_context.tool_confirmation

        def ask(request: dict[str, Any]) -> str | None:
            if given is None:
                asked.append(request)
                return None
            approval = (given.payload or {}).get("approval") if given.confirmed else None
            return approval if isinstance(approval, str) else None

        denied = await asyncio.to_thread(check_tool, self._acting, tool.name, tool_args, ask)
        if asked:
            # The run ends here, and the model is not told before it is known.
            tool_context.actions.skip_summarization = True
            tool_context.request_confirmation(hint=f"`{tool.name}` needs an approval", payload={"approval": asked[0]})
        return None if denied is None else {"error": denied}
