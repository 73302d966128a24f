"""Turn what is wrong with a row into a reject that a person can act on."""

from __future__ import annotations

import json

from pydantic_core import ErrorDetails, ValidationError

from etl.reading.row import Unreadable, capped
from etl.records.fields import describe
from etl.records.model import Reject
from etl.records.shape import Refused, Shape


def unreadable(index: int, row: Unreadable) -> Reject:
    """The reject of a place in the feed where no row could be read."""
    return Reject(index, row.reason, None, row.raw)


def no_object(index: int, row: object) -> Reject:
    """The reject of an array element that is no JSON object."""
    return Reject(index, f"the row is {describe(row)}, expected an object", None, raw(row))


def refused(index: int, row: object, error: Refused) -> Reject:
    """The reject of a row whose values do not fit together."""
    return Reject(index, f"{error}", error.field, raw(row))


def invalid(index: int, row: object, error: ValidationError, shape: Shape) -> Reject:
    """The reject of a row with wrong values: the first names the reason, the others are counted."""
    first, *others = error.errors(include_url=False)
    field = ".".join(
        [shape.slots[int(first["loc"][0])].name, *(f"{part}" for part in first["loc"][1:] if part in _PARTS)]
    )
    more = (
        f" ({len(others)} more fields are wrong)" if len(others) > 1 else " (one more field is wrong)" if others else ""
    )
    return Reject(index, f"{field} {_words(first)}{more}", field, raw(row))


_PARTS = frozenset({"won", "lost", "tied", "for", "ret", "percentage"})


def _words(error: ErrorDetails) -> str:
    value = error["input"]
    match error["type"]:
        case "feed":
            return error["msg"]
        case "string_too_long":
            return f"is {len(value):,} characters long, at most {error['ctx']['max_length']} are allowed"
        case "string_pattern_mismatch":
            return "holds a control character" if value.strip() and not value.isprintable() else "is missing"
        case "string_unicode":
            return "holds bytes that are not UTF-8, or half a surrogate pair"
        case "string_type":
            return f"is {describe(value)}" if value is None else f"is {describe(value)}, expected text"
        case _:
            return f"is {describe(value)}, expected an object"


def raw(value: object) -> str:
    """The row as JSON text that PostgreSQL can store, cut to RAW_LIMIT."""
    try:
        return capped(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "… (nests too deeply to be kept)"
