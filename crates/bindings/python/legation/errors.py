"""Why there is no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from ._legation import RawFailure

T = TypeVar("T")


class LegationError(Exception):
    """Why there is no answer. `code` is stable; of a rule that was broken `expected`, `found`, `link` and `cure` say more."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.expected: str | None = more.get("expected")
        self.found: str | None = more.get("found")
        self.link: int | None = more.get("link")
        self.cure: str | None = more.get("cure")
        self.status: int | None = more.get("status")
        self.problem: dict[str, Any] | None = more.get("problem")

    def __str__(self) -> str:
        cure = f" ({self.cure})" if self.cure else ""
        return f"{self.code}: {self.message}{cure}"

    def __reduce__(self) -> Any:
        return (_again, (self.code, self.message, self.__dict__))


class Denied(LegationError):
    """A verifier said no. `verdict` holds all that it said."""

    def __init__(self, code: str, message: str, verdict: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(code, message, **more)
        self.verdict = verdict or {}


class ApprovalRequired(Denied):
    """Somebody has to approve it first: `approval` is what `legation approve` takes."""

    @property
    def approval(self) -> dict[str, Any] | None:
        found = self.verdict.get("approval") or (self.problem or {}).get("approval")
        return found if isinstance(found, dict) else None


class BudgetExceeded(Denied):
    """A budget does not hold it. `retry_at` says when it would, in Unix seconds, where the verdict's remedy is to wait."""

    @property
    def retry_at(self) -> int | None:
        remedy = self.verdict.get("remedy") or {}
        times = [str(one.get("atLeast")) for one in remedy.get("changes", []) if one.get("what") == "now"]
        return next((int(datetime.fromisoformat(one.replace("Z", "+00:00")).timestamp()) for one in times), None)


def _again(code: str, message: str, members: dict[str, Any]) -> LegationError:
    error = of_code(code)(code, message)
    error.__dict__.update(members)
    return error


def of_code(code: str) -> type[Denied]:
    """The class of a denial with this code."""
    return {"approval_required": ApprovalRequired, "budget_exceeded": BudgetExceeded}.get(code, Denied)


def denied(verdict: dict[str, Any]) -> Denied:
    """A verdict that denies, as an error."""
    code = str(verdict.get("code"))
    message = f"{verdict.get('reason')}: expected {verdict.get('expected')}, found {verdict.get('found')}"
    more = {name: verdict.get(name) for name in ("expected", "found", "link", "cure", "problem")}
    return of_code(code)(code, message, verdict, **more)


def call(work: Callable[[], T]) -> T:
    """Calls the module, and makes its failures errors."""
    try:
        return work()
    except RawFailure as failure:
        # The failure's own traceback says nothing more, and its text is not repeated.
        told = json.loads(str(failure))
    raise LegationError(told.pop("code"), told.pop("message"), **told)


def ask(work: Callable[[], str]) -> dict[str, Any]:
    """The same, of a call that answers with JSON."""
    answer = json.loads(call(work))
    assert isinstance(answer, dict)
    return answer
