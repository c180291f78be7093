"""OpenAI Agents SDK: `Agent(tools=[guarded(acting, tool) for tool in tools])`.

A call that needs an approval is one of the run's `interruptions`: `acting.approved(item.raw_item.call_id, approval)`, then `state.approve(item)`."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
from typing import Any

from agents import FunctionTool

from .base import Acting, check_tool


class _Waits(Exception):
    """Somebody has to be asked."""


def guarded(acting: Acting, tool: FunctionTool) -> FunctionTool:
    """The tool, decided on before each call; a denial is what the model reads."""
    run, own = tool.on_invoke_tool, tool.needs_approval

    def check(call: str, arguments: Any, waits: bool) -> str | None:
        def ask(_: dict[str, Any]) -> str | None:
            if (approval := acting.approval_of(call)) is None and waits:
                raise _Waits
            return approval

        return check_tool(acting, tool.name, arguments, ask) if isinstance(arguments, dict) else "denied: the arguments are no object"

    decided: dict[str, str | None] = {}

    async def needs_approval(context: Any, arguments: dict[str, Any], call: str) -> bool:
        said = own(context, arguments, call) if callable(own) else own
        if await said if inspect.isawaitable(said) else said:
            return True
        # The run asks before each call, also when it resumes. What was decided is used up, so that it is decided once.
        if call not in decided:
            try:
                decided[call] = await asyncio.to_thread(check, call, arguments, True)
            except _Waits:
                return True
        return False

    async def on_invoke_tool(context: Any, given: str) -> Any:
        try:
            arguments = json.loads(given or "{}")
        except ValueError:
            return "denied: the arguments are no JSON"
        call = str(getattr(context, "tool_call_id", ""))
        denied = decided.pop(call) if call in decided else await asyncio.to_thread(check, call, arguments, False)
        return await run(context, given) if denied is None else denied

    return dataclasses.replace(tool, on_invoke_tool=on_invoke_tool, needs_approval=needs_approval)
