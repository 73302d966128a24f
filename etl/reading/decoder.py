"""The stdlib JSON decoder with a guard before what JSON does not know and before what would be lost in silence."""

from __future__ import annotations

import json
from math import isinf
from typing import Any, NoReturn

from etl.reading.row import quoted


class BadRow(ValueError):
    """A row that is no JSON value; the message continues a sentence that begins with "the row"."""


def _constant(text: str) -> NoReturn:
    raise BadRow(f"holds {text}, which is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):  # 1e999 would become infinity without a word
        raise BadRow(f"holds the number {quoted(text)}, which is too large")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):  # the last one would win without a word
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadRow(f"gives the key {quoted(twice)} twice")
    return row


_decoder = json.JSONDecoder(parse_constant=_constant, parse_float=_finite, object_pairs_hook=_distinct)
decode_at = _decoder.raw_decode
"""Decode the value that begins at a position; raises ValueError or RecursionError."""


def decode(text: str) -> object:
    """Decode a text that is one JSON value and nothing else; BadRow says what is wrong with it."""
    try:
        return _decoder.decode(text)
    except BadRow:
        raise
    except RecursionError:
        raise BadRow("nests too deeply") from None
    except json.JSONDecodeError as error:
        raise BadRow(f"is not valid JSON: {error.msg} at its character {error.pos:,}") from None
    except ValueError:  # int() refuses more than 4,300 digits
        raise BadRow("holds an integer of more than 4,300 digits") from None
