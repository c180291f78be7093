"""What every adapter does: each tool call is decided with its arguments before it runs, and a denial goes back to the model as a message
with its cure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..agent import Agent
from ..errors import LegationError
from ..verifier import Presentation, Verdict, Verifier
from ..verifier import nonce as new_nonce

#: Most bytes of a text that is a fact.
MAX_TEXT = 4096
#: Most approvals that wait for their call.
MAX_APPROVALS = 1000

#: Gives the approval of a request that needs one, or `None` where it was refused; or raises what interrupts the framework.
Ask = Callable[[dict[str, Any]], "str | None"]


def facts_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that can be facts. A limit on one that is not there denies: what is left out here gives nothing away."""
    kept: dict[str, Any] = {}
    for name, value in dict(arguments).items():
        if type(value) is bool or (type(value) is int and abs(value) < 2**53):
            kept[name] = value
        elif type(value) is str and len(value.encode("utf-8", "surrogatepass")) <= MAX_TEXT:
            kept[name] = value
    return kept


class Acting:
    """An agent that acts under the eyes of a verifier: what a framework's adapter calls.

    `resource` is what tools act on, `https://…`, and `model_resource` what models are at, the same where nothing is said. `verifier` decides:
    one in the agent's own program is its own restraint, and a service that is acted on has another."""

    def __init__(self, agent: Agent, verifier: Verifier, resource: str, *, model_resource: str | None = None) -> None:
        self.agent, self.verifier, self.resource = agent, verifier, resource
        self.model_resource = model_resource or resource
        self._audience = verifier.audience
        self._approvals: dict[str, str] = {}

    def _decide(self, action: str, resource: str, facts: dict[str, Any], approvals: Iterable[str] = ()) -> Verdict:
        nonce = new_nonce()
        shown = Presentation(self.agent.present(self._audience, nonce), nonce)
        return self.verifier.verify(shown, {"action": action, "resource": resource, "facts": facts, "approvals": list(approvals)})

    def on_tool_call(self, name: str, arguments: dict[str, Any], *, approvals: Iterable[str] = ()) -> Verdict:
        """Decides a call of a tool. `approvals` are those of a request that was denied with `approval_required`."""
        return self._decide(f"mcp:tools/call:{name}", self.resource, facts_of(arguments), approvals)

    def on_model_call(self, model: str, **facts: Any) -> Verdict:
        """Decides a call of a model."""
        return self._decide("model:chat", self.model_resource, {"model": model, **facts_of(facts)})

    def approved(self, call: str, approval: str) -> None:
        """Keeps the approval of a call, by its id, for frameworks that resume without saying anything."""
        if len(self._approvals) >= MAX_APPROVALS:
            self._approvals.clear()
        self._approvals[call] = approval

    def approval_of(self, call: str) -> str | None:
        """The approval that was kept, once."""
        return self._approvals.pop(call, None)

    @contextlib.contextmanager
    def delegate_to(self, name: str, **terms: Any) -> Iterator[Acting]:
        """Hands part of it over to a child: see `Agent.delegate`."""
        with self.agent.delegate(name, **terms) as child:
            yield Acting(child, self.verifier, self.resource, model_resource=self.model_resource)


def told(verdict: Verdict) -> str:
    """A denial as the model reads it: the code, what would have passed, and what to do."""
    problem = verdict.get("problem", verdict)
    return (
        f"denied: {problem.get('code')}. Expected {problem.get('expected')}, found {problem.get('found')}. "
        f"What to do: {problem.get('cure')}"
    )


def check_tool(acting: Acting, name: str, arguments: dict[str, Any], ask: Ask | None = None) -> str | None:
    """`None` where the tool may run, and else what the model is told. A call that can't be judged is denied. `ask` is asked where somebody
    has to approve it first."""
    try:
        verdict = acting.on_tool_call(name, arguments)
    except LegationError as error:
        return f"denied: {error}"
    if verdict.get("code") == "approval_required" and ask is not None and (approval := ask(verdict["approval"])):
        try:
            verdict = acting.on_tool_call(name, arguments, approvals=[approval])
        except LegationError as error:
            return f"denied: {error}"
    return None if verdict.ok else told(verdict)
