"""Claude Agent SDK: `ClaudeAgentOptions(hooks=hooks(acting))`."""

from __future__ import annotations

import asyncio
from typing import Any

from claude_agent_sdk import HookContext, HookMatcher

from .base import Acting, Ask, check_tool


def hooks(acting: Acting, *, ask: Ask | None = None, timeout: float = 60) -> dict[Any, list[HookMatcher]]:
    """Decides each call of a tool before it runs, whatever its permission mode; a denial is what the model reads. `ask` gets the request
    that needs an approval, in a thread, and gives the approval."""

    async def decide(given: Any, tool_use_id: str | None, context: HookContext) -> Any:
        denied = await asyncio.to_thread(check_tool, acting, given["tool_name"], given["tool_input"], ask)
        if denied is None:
            # Nothing is said of what else may forbid it.
            return {}
        said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": denied}
        return {"hookSpecificOutput": said}

    # Without a matcher it is asked about every tool.
    return {"PreToolUse": [HookMatcher(matcher=None, hooks=[decide], timeout=timeout)]}
