"""A verifier: who presents this chain, for whom, and may they do this?"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import _legation as raw
from .errors import ask, call, denied
from .fetch import Fetch, bring, fetcher
from .snapshot import data, seconds, snapshot, text

if TYPE_CHECKING:
    from .agent import Agent


@dataclass(frozen=True)
class Presentation:
    """A presentation, and the nonce that it has to answer."""

    presentation: str | bytes
    nonce: str


@dataclass(frozen=True)
class SignedRequest:
    """A request that its agent has signed. Scheme and authority of `url` are the service's own, whatever `Host` says."""

    method: str
    url: str
    headers: Iterable[tuple[str, str]] = field(default_factory=tuple)
    body: bytes = b""


@dataclass(frozen=True)
class Vouched:
    """The delegations of an agent that the verifier itself vouches for."""

    chain: str
    agent: str
    known_by: str


Shown = Presentation | SignedRequest | Vouched


class Verdict(dict[str, Any]):
    """The answer, as `verdict.schema.json` describes it: `decision`, `code`, `principal`, `agent`, `effective`, `cure`…"""

    @property
    def ok(self) -> bool:
        """Whether it is permitted, or valid where nothing was asked for."""
        return self.get("decision") in ("permit", "valid")

    def require(self) -> Verdict:
        """Itself; a denial is raised as an error."""
        if self.ok:
            return self
        raise denied(self)


#: For how long evidence is fetched for one decision, seconds. Then it is decided with what is there.
DEADLINE = 20.0

_living: weakref.WeakSet[Verifier]


class Verifier:
    """A verifier with its trust, the evidence that it has, and what was used up. Threads may share one.

    What it permits is used up in this process: several that answer for one service need a ledger that they share, which a gateway
    has. After a fork the child takes nothing that was signed before it began."""

    def __init__(
        self,
        trust: dict[str, Any] | str,
        *,
        evidence: dict[str, Any] | str | None = None,
        ledger: dict[str, int] | str | None = None,
        fetch: Fetch | None | bool = True,
        started_at: int | None = None,
    ) -> None:
        self._settings = (snapshot(trust, "trust"), None if ledger is None else snapshot(ledger, "ledger"))
        self._desk = call(lambda: raw.Desk(*self._settings))
        self._fetch: Fetch | None = fetcher() if fetch is True else (fetch or None)  # type: ignore[assignment]
        self._evidence: str | None = None
        self._started_at = 0 if started_at is None else seconds(started_at)
        if evidence is not None:
            self.set_evidence(evidence)
        if started_at is not None:
            self._desk.begin_at(self._started_at)
        _living.add(self)

    def __repr__(self) -> str:
        return "Verifier()"

    @property
    def audience(self) -> str:
        """Whom presentations have to be made for."""
        return self._desk.audience  # type: ignore[no-any-return]

    def set_evidence(self, evidence: dict[str, Any] | str) -> None:
        """Takes evidence as of a file, in place of what is there."""
        written = snapshot(evidence, "evidence")
        call(lambda: self._desk.set_evidence(written))
        self._evidence = written

    def _look(self, shown: Shown, request: dict[str, Any] | str | None, now: int) -> Any:
        desk = self._desk
        asked = None if request is None else snapshot(request, "request")
        if isinstance(shown, Presentation):
            presented, nonce = data(shown.presentation, "presentation"), text(shown.nonce, "nonce")
            return call(lambda: desk.look_at_presentation(presented, nonce, asked, now))
        if isinstance(shown, Vouched):
            parts = [text(getattr(shown, name), name) for name in ("chain", "agent", "known_by")]
            return call(lambda: desk.look_at_vouched(*parts, asked, now))
        headers = [(text(name, "headers"), text(value, "headers")) for name, value in shown.headers]
        method, url, body = text(shown.method, "method"), text(shown.url, "url"), data(shown.body, "body")
        return call(lambda: desk.look_at_request(method, url, headers, body, asked, now))

    def decide(self, shown: Shown, request: dict[str, Any] | str | None = None, *, now: Any = None) -> Verdict:
        """Decides with the evidence that is at hand: nothing is fetched."""
        at = seconds(now)
        look = self._look(shown, request, at)
        return Verdict(ask(lambda: self._desk.decide(look, False, at)))

    def verify(
        self,
        shown: Shown,
        request: dict[str, Any] | str | None = None,
        *,
        now: Any = None,
        signer: Agent | None = None,
    ) -> Verdict:
        """Decides, and fetches what it takes. `signer`, an agent whose DID is the trust's audience, signs the `receipt`."""
        at = seconds(now)
        look = self._look(shown, request, at)
        until = time.monotonic() + DEADLINE
        while True:
            fetching = self._fetch is not None and time.monotonic() < until
            answer = ask(lambda: self._desk.decide(look, fetching, at))
            if "needs" not in answer:
                break
            assert self._fetch is not None
            bring(look, answer["needs"], self._fetch, at, until)
        if signer is not None:
            answer["receipt"] = signer._signed(lambda holder, given: self._desk.receipt(look, holder, given))["receipt"]
        return Verdict(answer)

    async def averify(
        self,
        shown: Shown,
        request: dict[str, Any] | str | None = None,
        *,
        now: Any = None,
        signer: Agent | None = None,
    ) -> Verdict:
        """The same, beside an event loop: it runs in a thread, since it may fetch."""
        return await asyncio.to_thread(self.verify, shown, request, now=now, signer=signer)


_living = weakref.WeakSet()


def _after_fork() -> None:
    # What the parent uses up from now on is not known here, and the other way round. A new one, since a thread that is gone may have
    # held the old one.
    for verifier in list(_living):
        verifier._desk = raw.Desk(*verifier._settings)
        # What was signed in this very second the parent may use up, too.
        verifier._desk.begin_at(max(verifier._started_at, seconds() + 1))
        if verifier._evidence is not None:
            verifier._desk.set_evidence(verifier._evidence)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def verify(
    shown: Shown,
    *,
    trust: dict[str, Any] | str,
    evidence: dict[str, Any] | str | None = None,
    request: dict[str, Any] | str | None = None,
    now: Any = None,
) -> Verdict:
    """Decides once, with what is given and nothing else."""
    return Verifier(trust, evidence=evidence, fetch=None).decide(shown, request, now=now)


def verify_card(
    card: str | bytes, *, document: str | bytes | None = None, jwks: Any = None, now: Any = None
) -> dict[str, Any]:
    """Verifies an agent card by the document of its DID, or by a JWK set that the caller trusts."""
    given = data(card, "card")
    if jwks is not None:
        keys = data(jwks, "jwks") if isinstance(jwks, (str, bytes)) else snapshot(jwks, "jwks").encode()
        return ask(lambda: raw.verify_card_by_keys(given, keys))
    by, at = data(document, "document"), seconds(now)
    return ask(lambda: raw.verify_card(given, by, at))


def verify_receipt(receipt: str, document: str | bytes) -> dict[str, Any]:
    """Verifies a signed receipt by its signer's DID document, or a did:key."""
    secured, by = text(receipt, "receipt"), data(document, "document")
    return ask(lambda: raw.verify_receipt(secured, by))


def verify_entry(proof: str, document: str | bytes | None = None) -> dict[str, Any]:
    """Verifies the proof of an entry of a log, and decides the entry again, with nothing but this text."""
    written, by = text(proof, "proof"), None if document is None else data(document, "document")
    return ask(lambda: raw.verify_entry(written, by))


def document_url(did: str) -> str | None:
    """The URL of a did:web's document; `None` for another method."""
    return call(lambda: raw.document_url(text(did, "did")))


def nonce() -> str:
    """A nonce of 144 random bits, for a challenge."""
    return call(raw.nonce)


__all__ = ["Presentation", "Shown", "SignedRequest", "Verdict", "Verifier", "Vouched", "document_url", "nonce", "verify", "verify_card", "verify_entry", "verify_receipt"]
