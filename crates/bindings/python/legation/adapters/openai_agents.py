"""OpenAI Agents SDK: `Agent(tools=[guarded(acting, tool) for tool in tools])`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

from agents import FunctionTool

from .base import Acting, check_tool


def guarded(acting: Acting, tool: FunctionTool) -> FunctionTool:
    """The tool, decided on before each call; a denial is what the model reads."""
    run = tool.on_invoke_tool

    async def on_invoke_tool(context: Any, given: str) -> Any:
        try:
            arguments = json.loads(given or "{}")
        except ValueError:
            return "denied: the arguments are no JSON"
        if not isinstance(arguments, dict):
            return "denied: the arguments are no object"
        denied = await asyncio.to_thread(check_tool, acting, tool.name, arguments)
        return await run(context, given) if denied is None else denied

    return dataclasses.replace(tool, on_invoke_tool=on_invoke_tool)
