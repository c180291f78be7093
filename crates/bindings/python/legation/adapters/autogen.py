"""AutoGen: `AssistantAgent(name, model, workbench=Guarded(tools, acting))`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from autogen_core import CancellationToken
from autogen_core.tools import BaseTool, StaticWorkbench, TextResultContent, ToolResult

from .base import Acting, check_tool


class Guarded(StaticWorkbench):
    """The tools, decided on before each call; a denial is what the model reads."""

    def __init__(self, tools: list[BaseTool[Any, Any]], acting: Acting, **options: Any) -> None:
        super().__init__(tools, **options)
        self._acting = acting

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        # A tool that was given another name runs, and is granted, by its own.
        own = self._override_name_to_original.get(name, name)
        denied = await asyncio.to_thread(check_tool, self._acting, own, dict(arguments or {}))
        if denied is not None:
            return ToolResult(name=name, result=[TextResultContent(content=denied)], is_error=True)
        return await super().call_tool(name, arguments, cancellation_token, call_id)
