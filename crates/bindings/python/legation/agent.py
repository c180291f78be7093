"""An agent: its key, and the delegations that it acts by."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import _legation as raw
from .errors import LegationError, ask, call
from .snapshot import data, seconds, snapshot, text

#: Signs bytes: 64 bytes, R and S.
Sign = Callable[[bytes], bytes]
#: The path at which a gateway gives an agent its delegations.
SELF = "/v1/self/delegation"
#: Seconds for which nobody asks again after a denial led to asking.
PAUSE = 5
MAX_ORIGINS = 1000


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Agent:
    """An agent. Its key stays in the module, or wherever `sign` asks; nothing prints it. Threads may share one."""

    def __init__(
        self,
        holder: Any,
        *,
        sign: Sign | None = None,
        gateway: str | None = None,
        keep: Callable[[str], None] | None = None,
    ) -> None:
        self._holder = holder
        self._sign = sign
        self._keep = keep
        self._gateway = None if gateway is None else origin_of(gateway)
        self._knows: set[str] = set()
        self._lock = threading.Lock()
        self._asked = 0
        self._origin: str | None = None

    @classmethod
    def from_text(cls, written: str, *, did: str | None = None, **options: Any) -> Agent:
        """An agent of its file's text: a private JWK with `chain`, as `legation agent file NAME --own-key KEY --out FILE` writes it."""
        return cls(call(lambda: raw.Holder.from_file(text(written, "text"), did)), **options)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **options: Any) -> Agent:
        """An agent of its file. Delegations that are renewed are put into the file."""
        place = Path(path)
        mode = place.stat().st_mode
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise LegationError("key_readable", f"`{place}` can be read by others than its owner; chmod 600 it")
        written = place.read_text("utf-8")
        agent = cls.from_text(written, **options)
        if "keep" not in options:
            # The public part alone: the text has the key in it, and is not held on to.
            public = json.loads(written).get("x")
            agent._keep = lambda chain: _put(place, public, chain)
        return agent

    @classmethod
    def from_env(cls, **options: Any) -> Agent:
        """An agent of the environment: `LEGATION_AGENT` holds an agent file's text, or `LEGATION_AGENT_FILE` its path."""
        if written := os.environ.get("LEGATION_AGENT"):
            return cls.from_text(written, **options)
        if path := os.environ.get("LEGATION_AGENT_FILE"):
            return cls.from_file(path, **options)
        raise LegationError("no_key", "set `LEGATION_AGENT_FILE` to an agent file, as `legation agent file NAME --own-key KEY --out FILE` writes it")

    @classmethod
    def from_callback(cls, secret: Callable[[], str], **options: Any) -> Agent:
        """An agent whose file's text a secret manager gives."""
        return cls.from_text(secret(), **options)

    @classmethod
    def from_signer(cls, public_jwk: dict[str, Any], sign: Sign, chain: str = "", *, did: str | None = None, **options: Any) -> Agent:
        """An agent whose key is elsewhere: `sign` takes bytes and gives 64, R and S."""
        key = snapshot(public_jwk, "public_jwk")
        return cls(call(lambda: raw.Holder.elsewhere(key, text(chain, "chain"), did)), sign=sign, **options)

    @classmethod
    def generate(cls, **options: Any) -> Agent:
        """A new agent, a did:key, without delegations."""
        return cls(call(raw.Holder.generate), **options)

    def __repr__(self) -> str:
        return f"Agent({self.did})"

    def __reduce__(self) -> Any:
        raise TypeError("an agent holds a key, and is not pickled; make it anew from its file where it is needed")

    @property
    def did(self) -> str:
        """Who it is."""
        return self._holder.did  # type: ignore[no-any-return]

    @property
    def chain(self) -> str:
        """The delegations in compact form, joined by `~`."""
        return self._holder.chain  # type: ignore[no-any-return]

    def describe(self) -> dict[str, Any]:
        """What it is and what it may, with nothing secret."""
        return ask(self._holder.describe)

    def _signed(self, work: Callable[[Any, bytes | None], str]) -> dict[str, Any]:
        answer = ask(lambda: work(self._holder, None))
        if "toSign" not in answer:
            return answer
        assert self._sign is not None
        message = base64.urlsafe_b64decode(answer["toSign"] + "=" * (-len(answer["toSign"]) % 4))
        signature = data(self._sign(message), "signature")
        return ask(lambda: work(self._holder, signature))

    def present(self, audience: str, nonce: str, *, now: Any = None) -> str:
        """Presents the delegations to `audience`, in answer to `nonce`."""
        at, to = seconds(now), (text(audience, "audience"), text(nonce, "nonce"))
        return str(self._signed(lambda holder, given: holder.present(*to, given, at))["presentation"])

    def sign(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        by: str = "chain",
        nonce: str | None = None,
        directory: str | None = None,
        now: Any = None,
    ) -> list[tuple[str, str]]:
        """Signs a request: the headers to be set. It must be sent as it was signed, and once. `by="digest"` names the delegations by
        their digest, for a service that knows them."""
        kept = ("signature", "signature-input", "signature-agent")
        others = [(name.lower(), value) for name, value in headers if name.lower() in kept]
        seen, payload, at = self._as_seen(text(url, "url").split("#")[0]), data(body, "body"), seconds(now)
        once = nonce or call(raw.nonce)
        name = text(method, "method")
        signed = self._signed(
            lambda holder, given: holder.sign_request(name, seen, others, payload, by == "digest", once, directory, given, at)
        )
        return [(name, value) for name, value in signed["headers"]]

    def _as_seen(self, url: str) -> str:
        # A gateway answers for its organization's origin, wherever it is reached.
        if self._gateway is None or not url.startswith(f"{self._gateway}/"):
            return url
        if self._origin is None:
            self._origin = self.describe()["origin"] or self._gateway
        return self._origin + url[len(self._gateway) :]

    # What `httpx` and `requests` share: how a request names the delegations, and what an answer means for the next one.

    def _begin(self, url: str) -> tuple[str, str]:
        return ("digest" if origin_of(url) in self._knows else "chain"), call(raw.nonce)

    def _told(self, url: str, status: int) -> None:
        if status < 400:
            with self._lock:
                if len(self._knows) >= MAX_ORIGINS:
                    self._knows.clear()
                self._knows.add(origin_of(url))

    def _forget(self, url: str) -> None:
        with self._lock:
            self._knows.discard(origin_of(url))

    def _is_due(self, url: str) -> bool:
        return self._gateway == origin_of(url) and seconds() >= self._holder.due

    def _may_renew(self, url: str) -> bool:
        """Whether newer delegations may be asked for after a denial."""
        if self._gateway != origin_of(url):
            return False
        with self._lock:
            now = seconds()
            if abs(now - self._asked) < PAUSE:
                return False
            self._asked = now
            return True

    def _renewal(self) -> tuple[str, list[tuple[str, str]]]:
        """The request that gets newer delegations."""
        if self._gateway is None:
            raise LegationError("no_gateway", "name the `gateway` that gives this agent its delegations")
        url = f"{self._gateway}{SELF}"
        return url, self.sign("GET", url)

    def _renewed(self, status: int, body: bytes) -> bool:
        """Takes its answer: whether there were newer ones."""
        if status != 200 or len(body) > 256 << 10:
            return False
        try:
            links = json.loads(body)["chain"]
            chain = "~".join(text(link, "chain") for link in links)
        except (ValueError, KeyError, TypeError, LegationError):
            return False
        if chain == self.chain:
            return False
        self._take(chain)
        with self._lock:
            self._knows.clear()
        if self._keep is not None:
            self._keep(chain)
        return True

    def _take(self, chain: str) -> None:
        call(lambda: self._holder.renew(chain))

    def delegate_to(self, to: str, *, now: Any = None, **terms: Any) -> str:
        """Passes part of what it may on to `to`, a DID: delegations in compact form."""
        subject, written, at = text(to, "to"), snapshot(_terms(terms), "terms"), seconds(now)
        return str(self._signed(lambda holder, given: holder.delegate(subject, written, given, at))["chain"])

    def grant_to(self, to: str, *, now: Any = None, **terms: Any) -> str:
        """Grants something to `to`, a DID, as the principal that it belongs to: the first delegation of a chain. `actions` and `resources`
        are needed; `constraints`, `valid_for` (seconds), `max_depth` and `account` as for `delegate_to`."""
        subject, written, at = text(to, "to"), snapshot(_terms(terms), "terms"), seconds(now)
        return str(self._signed(lambda holder, given: holder.grant(subject, written, given, at))["chain"])

    def approve(self, asked: dict[str, Any] | str, *, now: Any = None) -> str:
        """Consents to one very request, once and for five minutes: `asked` is `approval` of a denial with the code `approval_required`. What
        is given back goes into `approvals` of the request."""
        request, at = snapshot(asked, "asked"), seconds(now)
        return str(self._signed(lambda holder, given: holder.approve(request, given, at))["approval"])

    def child(self, *, now: Any = None, **terms: Any) -> Agent:
        """A child with a key of its own, made here and now. `actions`, `resources`, `constraints`, `valid_for` (seconds) only narrow."""
        child = Agent(call(raw.Holder.generate), gateway=self._gateway)
        child._take(self.delegate_to(child.did, now=now, **terms))
        return child

    @contextlib.contextmanager
    def delegate(self, name: str = "", *, tools: Iterable[str] | None = None, **terms: Any) -> Iterator[Agent]:
        """A child for a block: `with agent.delegate("researcher", tools=["search"])`. What it may ends with its time, `valid_for`, an hour
        where nothing is said, and not with the block. `name` is for whoever reads the code."""
        del name
        if tools is not None:
            terms["actions"] = [f"mcp:tools/call:{tool}" for tool in tools]
        yield self.child(**terms)

    def meet(self, domain: str, *, fetch: Any = None, post: Any = None) -> dict[str, Any]:
        """Meets the agent of a domain: fetches and verifies its card, then speaks the handshake."""
        from .meeting import meet

        return meet(self, domain, fetch, post)

    async def ameet(self, domain: str, **options: Any) -> dict[str, Any]:
        """The same, beside an event loop."""
        return await asyncio.to_thread(self.meet, domain, **options)


def _terms(terms: dict[str, Any]) -> dict[str, Any]:
    names = {"valid_for": "validFor", "max_depth": "maxDepth"}
    return {names.get(name, name): value for name, value in terms.items() if value is not None}


def _put(place: Path, public: Any, chain: str) -> None:
    """Puts delegations into an agent file, whole and synced, where it is still the same agent's."""
    there = json.loads(place.read_text("utf-8"))
    if there.get("x") != public:
        return
    there["chain"] = chain
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=place.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(there, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
