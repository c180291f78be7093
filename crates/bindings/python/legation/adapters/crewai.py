"""CrewAI: `Agent(tools=[guarded(acting, tool) for tool in tools])`."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from crewai.tools import BaseTool

from .base import Acting, check_tool


class GuardedTool(BaseTool):
    """A tool that runs only where the agent's delegations permit its arguments. The model sees the tool as it was."""

    inner: BaseTool
    acting: Any

    def _run(self, **given: Any) -> Any:
        denied = check_tool(self.acting, self.name, given)
        if denied is not None:
            return denied
        answer = self.inner._run(**given)
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    async def _arun(self, **given: Any) -> Any:
        denied = await asyncio.to_thread(check_tool, self.acting, self.name, given)
        if denied is not None:
            return denied
        answer = self.inner._run(**given)
        return await answer if inspect.isawaitable(answer) else answer


def guarded(acting: Acting, tool: BaseTool) -> GuardedTool:
    """The tool, decided on before each call. Nothing is taken from a cache: an answer of before would not be decided on."""
    same = {name: getattr(tool, name) for name in ("name", "description", "args_schema", "result_as_answer", "max_usage_count")}
    return GuardedTool(inner=tool, acting=acting, cache_function=lambda *_: False, **same)
