"""Whose a key is, and what its budget is: LiteLLM's own way for proxies without its database.

`sk-bench-load` has a budget that no load uses up; `sk-bench-21-ANYTHING` has one of 21 US cents, and another ANYTHING is
another key.
"""

from litellm.proxy._types import UserAPIKeyAuth


async def user_api_key_auth(request, api_key: str) -> UserAPIKeyAuth:
    prefix, rest = api_key[:9], api_key[9:]
    if prefix != "sk-bench-":
        raise Exception("no key of the bench")
    budget = 1e9 if rest == "load" else int(rest.split("-")[0]) / 100
    return UserAPIKeyAuth(api_key=api_key, max_budget=budget, spend=0.0)
