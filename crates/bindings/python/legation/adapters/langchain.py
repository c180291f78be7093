"""LangChain and LangGraph: `create_agent(model, [guarded(acting, tool) for tool in tools])`, or `ToolNode` of them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, Tool, ToolException
from pydantic import BaseModel

from .base import Acting, check_tool

#: What the model, and whoever reads the answer, sees of the tool.
SAME = ("name", "description", "return_direct", "response_format", "handle_validation_error", "callbacks", "tags", "metadata")


def _ask(asked: dict[str, Any]) -> str | None:
    """LangGraph's own interruption: `Command(resume=approval)` goes on with what `Agent.approve` gave, also after a restart. Outside of a graph
    nobody can be asked."""
    try:
        from langgraph.types import interrupt

        approval = interrupt({"approval": asked})
    except (ImportError, RuntimeError, KeyError):
        return None
    return approval if isinstance(approval, str) else None


class _Denial(ToolException):
    pass


class _Text(BaseModel):
    """What a tool takes that takes one text."""

    tool_input: str


class GuardedTool(BaseTool):
    """A tool that runs only where the agent's delegations permit its arguments. The model sees the tool as it was."""

    inner: BaseTool
    acting: Any

    def _check(self, given: dict[str, Any]) -> None:
        denied = check_tool(self.acting, self.name, given, _ask)
        if denied is not None:
            raise _Denial(denied)

    def _called(self, method: Callable[..., Any], given: dict[str, Any], **besides: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How the tool is called with the arguments that were judged: read again by its schema they could become others."""
        asked = inspect.signature(method).parameters
        more = {name: value for name, value in besides.items() if name in asked}
        return (tuple(given.values()), more) if isinstance(self.inner, Tool) else ((), {**given, **more})

    def _run(self, *, config: RunnableConfig, run_manager: CallbackManagerForToolRun | None = None, **given: Any) -> Any:
        self._check(given)
        args, named = self._called(self.inner._run, given, config=config, run_manager=run_manager)
        return self.inner._run(*args, **named)

    async def _arun(self, *, config: RunnableConfig, run_manager: AsyncCallbackManagerForToolRun | None = None, **given: Any) -> Any:
        await asyncio.to_thread(self._check, given)
        if type(self.inner)._arun is not BaseTool._arun:
            args, named = self._called(self.inner._arun, given, config=config, run_manager=run_manager)
            return await self.inner._arun(*args, **named)
        manager = run_manager.get_sync() if run_manager else None
        args, named = self._called(self.inner._run, given, config=config, run_manager=manager)
        return await asyncio.to_thread(self.inner._run, *args, **named)


def guarded(acting: Acting, tool: BaseTool) -> GuardedTool:
    """The tool, decided on before each call."""
    said = tool.handle_tool_error

    def told(error: ToolException) -> str:
        if callable(said) and not isinstance(error, _Denial):
            return said(error)
        return said if isinstance(said, str) and not isinstance(error, _Denial) else str(error)

    schema = tool.args_schema or (_Text if isinstance(tool, Tool) else tool.get_input_schema())
    same = {name: getattr(tool, name) for name in SAME}
    return GuardedTool(inner=tool, acting=acting, args_schema=schema, handle_tool_error=told, **same)
