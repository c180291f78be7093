"""A2A: `LegationMiddleware(app, verifier=…, origin=…, map=of_message)` around an agent of the official SDK decides each message before it is
read; its clients sign: `ClientConfig(httpx_client=httpx.AsyncClient(auth=LegationAuth(agent)))`. The card is to be had by everybody."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from ..asgi import LegationMiddleware
from ..errors import LegationError
from ..verifier import SignedRequest
from .base import facts_of

#: Where an agent's card is (A2A 1.0 §8.2), and was before 0.3.
CARDS = ("/.well-known/agent-card.json", "/.well-known/agent.json")


#: Methods of 1.0, by the names that actions have: those of 0.3.
METHODS = {
    "SendMessage": "message/send",
    "SendStreamingMessage": "message/stream",
    "GetTask": "tasks/get",
    "ListTasks": "tasks/list",
    "CancelTask": "tasks/cancel",
    "SubscribeToTask": "tasks/resubscribe",
}


def _number(text: str) -> float | int:
    # A2A's data are those of protobuf, whose whole numbers are written `2.0`: the same number of JSON.
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def of_message(signed: SignedRequest) -> dict[str, Any]:
    """A message of JSON-RPC, of 1.0 or 0.3, as the gateway names it: `a2a:message/send`, on the URL that it was signed for. The members of its
    first part of data are its facts. Methods that are not named here are nobody's."""
    try:
        message = json.loads(signed.body, parse_float=_number)
        method, params = message["method"], message.get("params") or {}
        parts = (params.get("message") or {}).get("parts") or []
        data = next((part["data"] for part in parts if isinstance(part.get("data"), dict)), {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LegationError("input", "a message of A2A by JSON-RPC is expected") from error
    name = METHODS.get(method, method) if isinstance(method, str) else None
    if name not in METHODS.values():
        raise LegationError("input", "`method` is none of A2A's that can be granted here")
    return {"action": f"a2a:{name}", "resource": signed.url.split("?")[0], "facts": facts_of(data)}


class Guard(LegationMiddleware):
    """The middleware, but for the card."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **{"map": of_message, **options})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and urlsplit(scope["path"]).path in CARDS:
            return await self._app(scope, receive, send)
        return await super().__call__(scope, receive, send)
