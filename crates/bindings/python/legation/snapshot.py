"""What a caller gives, as the text of strict JSON. Each value is read once, and only plain data is read: what a class computes
could say one thing when it is judged and another when it is done."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from .errors import LegationError

MAX_DEPTH = 16
MAX_VALUES = 20_000
MOST = 2**53 - 1


def _wrong(where: str, expected: str) -> LegationError:
    return LegationError("input", f"`{where}` must be {expected}")


def text(value: Any, where: str) -> str:
    """A text of whole characters."""
    if type(value) is not str:
        raise _wrong(where, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(where, "a text of whole characters; it has half of a pair of surrogates") from None
    return value


def data(value: Any, where: str) -> bytes:
    """A text or bytes, as bytes."""
    if isinstance(value, str):
        return text(value, where).encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise _wrong(where, "a text or bytes")


def seconds(now: Any = None) -> int:
    """Unix seconds: as given, or by the clock."""
    if now is None:
        return int(time.time())
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise _wrong("now", "a time with a zone")
        return int(now.timestamp())
    if type(now) is not int or abs(now) > MOST:
        raise _wrong("now", "whole seconds since 1970, or a datetime with a zone")
    return now


def snapshot(value: Any, where: str) -> str:
    """A value as the text of strict JSON; a text is taken as such a text already. `where` names it in errors."""
    if type(value) is str:
        return text(value, where)
    return _write(value, where, 0, [MAX_VALUES])


def _write(value: Any, where: str, depth: int, left: list[int]) -> str:
    left[0] -= 1
    if left[0] < 0:
        raise _wrong(where, f"at most {MAX_VALUES} values in all")
    if depth > MAX_DEPTH:
        raise _wrong(where, f"nested at most {MAX_DEPTH} deep")
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        if abs(value) > MOST:
            raise _wrong(where, "an integer up to 2^53-1")
        return str(value)
    if kind is float:
        raise _wrong(where, "an integer up to 2^53-1, and no float; amounts are in minor units, such as cents")
    if kind is str:
        return json.dumps(text(value, where))
    if kind is list or kind is tuple:
        return "[" + ",".join(_write(one, f"{where}[{index}]", depth + 1, left) for index, one in enumerate(list(value))) + "]"
    if kind is dict:
        return _object(value, where, depth, left)
    raise _wrong(where, f"plain data, and no `{kind.__name__}`")


def _object(value: dict[Any, Any], where: str, depth: int, left: list[int]) -> str:
    try:
        # All at once: who changes it meanwhile changes what nobody reads any more.
        members = list(value.items())
    except RuntimeError:
        raise _wrong(where, "left alone while it is read") from None
    if len(members) > left[0]:
        raise _wrong(where, f"at most {MAX_VALUES} values in all")
    written = []
    for name, item in members:
        place = f"{where}.{name}"[:120] if type(name) is str else where
        written.append(f"{json.dumps(text(name, place))}:{_write(item, place, depth + 1, left)}")
    return "{" + ",".join(written) + "}"
