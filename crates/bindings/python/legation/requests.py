"""`requests`, signed: `session.mount("https://", LegationAdapter(agent))`."""

from __future__ import annotations

from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from .agent import Agent
from .errors import LegationError


def _code(response: Response) -> Any:
    try:
        problem = response.json()
        return problem.get("code") or problem.get("error", {}).get("code")
    except (ValueError, AttributeError):
        return None


#: Where a prepared request keeps what it was signed for. Of a request that is led elsewhere `requests` makes a copy, which has what the
#: first had in nothing but its headers, its body and its hooks; `requests` calls the hooks of `response` alone.
MARK = "legation"


class LegationAdapter(HTTPAdapter):
    """Signs each request; see `legation.httpx.LegationAuth`. No redirect to another URL is followed: nobody but the caller says what
    is signed. Take `allow_redirects=False` to get it as the answer."""

    def __init__(self, agent: Agent, **options: Any) -> None:
        super().__init__(**options)
        self._agent = agent

    def _set(self, request: PreparedRequest, by: str, nonce: str | None) -> None:
        body = request.body or b""
        if not isinstance(body, (str, bytes)):
            raise LegationError("input", "a body that is streamed can't be signed; give its bytes")
        content = body.encode() if isinstance(body, str) else body
        for name in ("agent-delegation", "content-digest", "signature", "signature-input"):
            request.headers.pop(name, None)
        signed = self._agent.sign(str(request.method), str(request.url), request.headers.items(), content, by=by, nonce=nonce)
        request.headers.update(signed)

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        agent, url = self._agent, str(request.url)
        hooks: Any = request.hooks
        if hooks.setdefault(MARK, url) != url:
            raise LegationError("redirect_refused", f"`{hooks[MARK]}` leads to `{url}`, which is not followed; ask there yourself")
        if agent._is_due(url):
            self._renew(*args, **options)
        by, nonce = agent._begin(url)
        self._set(request, by, nonce)
        response = super().send(request, *args, **options)
        if response.status_code == 401 and by == "digest" and _code(response) == "chain_unknown":
            agent._forget(url)
            self._set(request, "chain", nonce)
            response = super().send(request, *args, **options)
        if response.status_code == 401 and agent._may_renew(url) and self._renew(*args, **options):
            self._set(request, "chain", None)
            response = super().send(request, *args, **options)
        agent._told(url, response.status_code)
        return response

    def _renew(self, *args: Any, **options: Any) -> bool:
        url, headers = self._agent._renewal()
        request = PreparedRequest()
        request.prepare(method="GET", url=url, headers=dict(headers))
        response = super().send(request, *args, **{**options, "stream": False})
        try:
            return self._agent._renewed(response.status_code, response.content)
        except LegationError:
            return False
