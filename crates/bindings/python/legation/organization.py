"""An organization's administration API (`/v1`), signed by an admin: `Organization.open("https://admin.acme.example", data_dir="legation")`."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from .agent import Agent
from .errors import LegationError, of_code
from .httpx import LegationAuth


class _Kind:
    """What there is many of: agents, teams."""

    def __init__(self, organization: Organization, name: str) -> None:
        self._organization, self._name = organization, name

    def create(self, **members: Any) -> dict[str, Any]:
        """Makes one. Members are as `/openapi.json` has them; `max_depth` is `maxDepth` there."""
        return self._organization.ask("POST", f"/v1/{self._name}", members)

    def get(self, name: str) -> dict[str, Any]:
        return self._organization.ask("GET", f"/v1/{self._name}/{quote(name, safe='')}")

    def list(self, **query: Any) -> Iterator[dict[str, Any]]:
        """All, one page after the other."""
        while True:
            page = self._organization.ask("GET", f"/v1/{self._name}", query=query)
            # A page is a list, under the name of what stands in it.
            yield from next((items for items in page.values() if isinstance(items, list)), [])
            if not page.get("next"):
                return
            query = {**query, "after": page["next"]}

    def act(self, name: str, verb: str, **members: Any) -> dict[str, Any]:
        """What can be done with one: `suspend`, `resume`, `retire`, `rotate`, `renew`, `revoke`, `block`."""
        path = f"/v1/{self._name}/{quote(name, safe='')}/{quote(verb, safe='')}"
        return self._organization.ask("POST", path, members)


class Organization:
    """The API of a host. Each denial and each failure is raised with its code."""

    def __init__(self, host: str, admin: Agent, *, client: httpx.Client | None = None) -> None:
        # A host answers for its organization's origin, wherever it is reached.
        self._admin = Agent(admin._holder, sign=admin._sign, gateway=host)
        self._host = host.rstrip("/")
        self._client = client or httpx.Client(timeout=30)
        self.agents = _Kind(self, "agents")
        self.teams = _Kind(self, "teams")
        self.api_keys = _Kind(self, "api-keys")
        self.delegations = _Kind(self, "delegations")
        self.models = _Kind(self, "models")
        self.routes = _Kind(self, "routes")

    @classmethod
    def open(cls, host: str, *, data_dir: str | os.PathLike[str] = "legation", **options: Any) -> Organization:
        """With the admin's key and delegation of a data folder: `admin.key` and `admin.jwt`, as `legation init` writes them."""
        folder = Path(data_dir)
        key = json.loads((folder / "admin.key").read_text("utf-8"))
        key["chain"] = "~".join((folder / "admin.jwt").read_text("utf-8").split())
        return cls(host, Agent.from_text(json.dumps(key)), **options)

    def __repr__(self) -> str:
        return f"Organization({self._host})"

    def revoke(self, delegation: str, *, reason: str | None = None) -> dict[str, Any]:
        """Revokes a delegation, with all that descends from it: done where it returns."""
        return self.delegations.act(delegation, "revoke", **({"reason": reason} if reason else {}))

    def ask(
        self, method: str, path: str, members: dict[str, Any] | None = None, *, query: dict[str, Any] | None = None, once: str | None = None
    ) -> dict[str, Any]:
        """Asks an end point. `once` is an idempotency key; a change that is asked for without one gets its own, for retries of the
        connection's."""
        target = path + (f"?{urlencode(query)}" if query else "")
        headers = {}
        content = b""
        if method != "GET":
            headers["idempotency-key"] = once or str(uuid.uuid4())
        if members:
            headers["content-type"] = "application/json"
            content = json.dumps({_camel(name): value for name, value in members.items() if value is not None}, allow_nan=False).encode()
        answer = self._client.request(method, f"{self._host}{target}", headers=headers, content=content, auth=LegationAuth(self._admin))
        try:
            told = answer.json()
        except ValueError:
            told = {}
        if answer.status_code >= 300 or not isinstance(told, dict):
            code, detail = str(told.get("code", "host_unknown")), str(told.get("detail", f"the answer was {answer.status_code}"))
            kind = of_code(code) if answer.status_code in (401, 403, 429) else LegationError
            raise kind(code, detail, status=answer.status_code, problem=told, **{k: told.get(k) for k in ("expected", "found", "link", "cure")})
        return told

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Organization:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(one.capitalize() for one in rest)
