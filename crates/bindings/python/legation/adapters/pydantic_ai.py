"""Pydantic AI: `Agent(model, toolsets=[Guarded(FunctionToolset(tools), acting)], output_type=[str, DeferredToolRequests])`.

A call that needs an approval is deferred, with the request in its metadata: it goes on with
`DeferredToolResults(approvals={id: True}, metadata={id: {"approval": approval}})`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from pydantic_ai import ApprovalRequired, RunContext
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset

from .base import Acting, check_tool


@dataclass
class Guarded(WrapperToolset[Any]):
    """The tools, decided on before each call; a denial is what the model reads."""

    acting: Acting

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]) -> Any:
        def ask(asked: dict[str, Any]) -> str | None:
            if not ctx.tool_call_approved:
                raise ApprovalRequired(metadata={"approval": asked})
            approval = (ctx.tool_call_metadata or {}).get("approval")
            return approval if isinstance(approval, str) else None

        denied = await asyncio.to_thread(check_tool, self.acting, name, tool_args, ask)
        return await self.wrapped.call_tool(name, tool_args, ctx, tool) if denied is None else denied
