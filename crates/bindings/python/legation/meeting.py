"""The caller's side of a handshake."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from . import _legation as raw
from .errors import LegationError, ask, call
from .fetch import fetcher, poster
from .snapshot import seconds, text


def meet(agent: Any, domain: str, fetch: Any, post: Any) -> dict[str, Any]:
    fetch, post = fetch or fetcher(), post or poster()
    url = text(domain, "domain")
    if "://" not in url:
        url = f"https://{url}"
    if urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + "/.well-known/agent-card.json"
    card = fetch(url)
    did = ask(lambda: raw.card_claims(card))["did"]
    if did is None:
        raise LegationError("card_no_did", "the card declares no DID")
    place = call(lambda: raw.document_url(did))
    document = fetch(place) if place else did.encode()
    meeting = call(lambda: raw.Meeting(agent._holder, card, document, seconds()))
    hello = json.loads(meeting.hello())
    endpoint = hello["endpoint"]
    challenge, now = post(endpoint, json.dumps(hello["message"]).encode()), seconds()
    answer = agent._signed(lambda holder, given: meeting.answer(challenge, holder, given, now))
    receipt = post(endpoint, json.dumps(answer["message"]).encode())
    ended = ask(lambda: meeting.finish(receipt, seconds()))
    if not ended["met"]:
        raise LegationError(ended["code"], f"refused: expected {ended['expected']}, found {ended['found']}", **{k: ended[k] for k in ("expected", "found", "link")})
    own = agent._signed(lambda holder, given: raw.Meeting.sign(ended["record"], holder, given))
    return {"did": ended["callee"], "card": ended["card"], "transcript": ended["transcript"], "receipt": ended["receipt"], "own_receipt": own["receipt"]}
