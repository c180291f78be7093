"""Identity and delegated authority for agents, which anyone can verify.

    from legation import Agent
    from legation.httpx import LegationAuth

    agent = Agent.from_env()
    httpx.post("https://shop.example/rooms", json={"nights": 2}, auth=LegationAuth(agent))
"""

from .agent import Agent
from .errors import ApprovalRequired, BudgetExceeded, Denied, LegationError
from .verifier import (
    Presentation,
    SignedRequest,
    Verdict,
    Verifier,
    Vouched,
    document_url,
    nonce,
    verify,
    verify_card,
    verify_entry,
    verify_receipt,
)

__all__ = [
    "Agent",
    "ApprovalRequired",
    "BudgetExceeded",
    "Denied",
    "LegationError",
    "Presentation",
    "SignedRequest",
    "Verdict",
    "Verifier",
    "Vouched",
    "document_url",
    "nonce",
    "verify",
    "verify_card",
    "verify_entry",
    "verify_receipt",
]
