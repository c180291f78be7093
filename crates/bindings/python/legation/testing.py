"""What tests of a program that acts by delegations need: an organization in memory, a model whose words are scripted, assertions.

    from legation.testing import Organization, assert_denied

    def test_it_buys_up_to_its_limit():
        acting = Organization().acting(tools=["buy"], constraints=[{"type": "argument", "name": "amount", "max": 100}])
        assert_denied("constraint_violated", acting.on_tool_call("buy", {"amount": 101}))

Decided is by the same code as everywhere; only keys and trust are made here and now, and nothing is fetched. pytest has an
`organization` of it as the fixture `legation_organization`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

from .adapters.base import Acting
from .agent import Agent
from .errors import Denied, LegationError
from .verifier import Verdict, Verifier

#: What an organization of a test may grant: all that there is.
ACTIONS = ["mcp:*", "http:*", "model:*", "a2a:*"]
#: Seconds for which a delegation of a test may last: none of it is published, so that none is revoked.
DAY = 86_400


class Organization:
    """A principal with a key in memory, a service that trusts it, and as many agents as are asked for."""

    def __init__(self, resource: str = "https://shop.example/tools", *, audience: str | None = None) -> None:
        self.root, self.service, self.approver = Agent.generate(), Agent.generate(), Agent.generate()
        self.resource = resource
        self.audience = audience or self.service.did

    @property
    def did(self) -> str:
        return self.root.did

    def agent(self, *, tools: Iterable[str] | None = None, **terms: Any) -> Agent:
        """An agent that may use `tools`, or `actions`, within `constraints`; everything where nothing is said."""
        if tools is not None:
            terms["actions"] = [f"mcp:tools/call:{tool}" for tool in tools]
        agent = Agent.generate()
        terms = {"actions": ACTIONS, "resources": [self.resource], "max_depth": 4, **terms}
        chain = self.root.grant_to(agent.did, **terms)
        agent._take(chain)
        return agent

    @property
    def trust(self) -> dict[str, Any]:
        """What a verifier is told to believe."""
        ceiling = {"grants": [{"actions": ACTIONS, "resources": [self.resource]}]}
        roots = [{"did": self.did, "ceiling": ceiling}]
        return {"audience": self.audience, "roots": roots, "maxUnrevocable": DAY, "maxOfflineChild": DAY, "vouched": True}

    def verifier(self, **options: Any) -> Verifier:
        """A verifier of its own memory, which fetches nothing."""
        return Verifier(self.trust, **{"fetch": None, **options})

    def acting(self, *, verifier: Verifier | None = None, **terms: Any) -> Acting:
        """An agent, and the verifier that it acts under."""
        return Acting(self.agent(**terms), verifier or self.verifier(), self.resource)

    def needs_approval(self, *, above: int, currency: str = "USD") -> dict[str, Any]:
        """A constraint: `approve` has to be asked for amounts above this."""
        return {"type": "approval", "above": above, "currency": currency, "approvers": [self.approver.did], "threshold": 1}

    def approve(self, asked: Any) -> str:
        """The approver's consent: of a verdict, an error, or the request itself."""
        request = getattr(asked, "approval", None) or (asked.get("approval") if isinstance(asked, dict) else None) or asked
        return self.approver.approve(request)


class ToolCall(dict[str, Any]):
    """A scripted call of a tool: `name`, `arguments`, `id`."""


class ScriptedModel:
    """A model whose words are known before: texts, and calls of tools. `next` gives one after the other, and `seen` is what it was told
    before each. `for_…` make a model of a framework of it."""

    def __init__(self, *words: str | ToolCall) -> None:
        self.words = list(words)
        self.seen: list[Any] = []

    @staticmethod
    def call(name: str, **arguments: Any) -> ToolCall:
        """Words that call a tool."""
        call = ToolCall(name=name, arguments=arguments)
        call["id"] = f"call-{id(call):x}"
        return call

    def next(self, seen: Any = None) -> str | ToolCall:
        """What it says now."""
        self.seen.append(seen)
        if not self.words:
            raise AssertionError("the scripted model has nothing more to say")
        return self.words.pop(0)

    def told(self) -> str:
        """All that it was told, as text, for an assertion."""
        return "\n".join(one if isinstance(one, str) else repr(one) for one in self.seen)

    def for_langchain(self) -> Any:
        """A chat model of LangChain."""
        from ._scripted import langchain

        return langchain(self)

    def for_openai_agents(self) -> Any:
        """A model of the OpenAI Agents SDK."""
        from ._scripted import openai_agents

        return openai_agents(self)

    def for_pydantic_ai(self) -> Any:
        """A model of Pydantic AI."""
        from ._scripted import pydantic_ai

        return pydantic_ai(self)


def _code_of(denied: Any) -> str | None:
    """The code of a verdict, an error, an HTTP answer, or of what a model was told."""
    if isinstance(denied, LegationError):
        return denied.code
    if isinstance(denied, dict):
        if denied.get("decision") in ("permit", "valid"):
            return None
        return denied.get("code")
    if callable(getattr(denied, "json", None)):
        return _code_of(denied.json())
    text = denied if isinstance(denied, str) else json.dumps(denied, default=str)
    _, found, rest = text.partition("denied: ")
    return rest.split(".")[0].split(":")[0].strip() if found else None


def assert_denied(code: str, denied: Any = None) -> Any:
    """Holds that something was denied with this code, and with a cure: a verdict, an error, a problem of HTTP, the text that a model read, or
    a function that raises. Without one it is a block: `with assert_denied("not_granted"): …`"""
    if denied is None:
        return _Denies(code)
    if callable(denied) and not isinstance(denied, (dict, LegationError)) and not callable(getattr(denied, "json", None)):
        with _Denies(code) as raised:
            denied()
        return raised.error
    found = _code_of(denied)
    if found != code:
        raise AssertionError(f"`{code}` was expected, and it was {f'`{found}`' if found else 'permitted'}: {denied!r}"[:2000])
    if isinstance(denied, (Verdict, Denied)) and not (denied["cure"] if isinstance(denied, dict) else denied.cure):
        raise AssertionError(f"`{code}` says nothing of what to do")
    return denied


def assert_permitted(verdict: Verdict) -> Verdict:
    """Holds that a verdict permits."""
    if not verdict.ok:
        raise AssertionError(f"it was denied: {verdict.get('code')}, {verdict.get('reason')}; {verdict.get('cure')}")
    return verdict


class _Denies(contextlib.AbstractContextManager["_Denies"]):
    def __init__(self, code: str) -> None:
        self._code = code
        self.error: LegationError | None = None

    def __exit__(self, kind: Any, error: Any, _: Any) -> bool:
        if error is None:
            raise AssertionError(f"`{self._code}` was expected, and nothing was denied")
        if not isinstance(error, LegationError):
            return False
        assert_denied(self._code, error)
        self.error = error
        return True


__all__ = ["Organization", "ScriptedModel", "ToolCall", "assert_denied", "assert_permitted"]

