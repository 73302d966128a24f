"""Natural keys and fingerprints: by what a bad row is known from run to run.

A key travels as the text of a JSON array, made by the database, so that no value can break the reading of a row
(an infinite date, for one). A fingerprint is the first 64 bits of md5(rule, key): the same in SQL and in Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import md5
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Table, Text, cast, func, literal
from sqlalchemy.dialects.postgresql import BIT

from checks.engine.errors import MeasureError

LONGEST = 200
SEPARATOR = "\x1f"


def key_columns(source: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The columns that name a row: `info["key"]` of a table, otherwise its primary key; all of a statement's."""
    if not isinstance(source, Table):
        return _impersonal(source.c, str(getattr(source, "name", "the statement")))
    names = source.info.get("key") or [column.name for column in source.primary_key]
    if not names:
        raise MeasureError(f"table {source.fullname} has neither info['key'] nor a primary key, so no row has a name")
    return _impersonal([source.c[name] for name in names], source.fullname)


def key_names(columns: Iterable[ColumnElement[Any]]) -> tuple[str, ...]:
    """What the parts of a key are called."""
    return tuple(str(getattr(column, "key", None) or getattr(column, "name", "value")) for column in columns)


def key_text(columns: Sequence[ColumnElement[Any]]) -> ColumnElement[str]:
    """The key of a row as the text of a JSON array."""
    return cast(func.jsonb_build_array(*columns), Text)


def fingerprint_of(rule: str, key: ColumnElement[str]) -> ColumnElement[int]:
    """SQL of the fingerprint of (rule, key)."""
    digest = func.md5(literal(rule + SEPARATOR, Text).concat(key))
    return cast(cast(func.concat("x", func.substr(digest, 1, 16)), BIT(64)), BigInteger)


def fingerprint(rule: str, key: str) -> int:
    """The fingerprint of (rule, key), a signed number of 64 bits."""
    digest = md5(f"{rule}{SEPARATOR}{key}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def spelled(value: int) -> str:
    """A fingerprint as people read and type it: 16 hexadecimal digits."""
    return f"{value & (1 << 64) - 1:016x}"


def unspelled(text: str) -> int:
    """The fingerprint that `spelled` wrote; ValueError for anything else."""
    if len(text) != 16:
        raise ValueError(f"{text!r} is no fingerprint; expected 16 hexadecimal digits")
    value = int(text, 16)
    return value - (1 << 64) if value >= 1 << 63 else value


def parts(names: Sequence[str], key: str) -> dict[str, Any]:
    """A key as named values, long texts cut for reading."""
    values = json.loads(key)
    return {name: _short(value) for name, value in zip(names, values, strict=True)}


def _short(value: Any) -> Any:
    return f"{value[: LONGEST - 1]}…" if isinstance(value, str) and len(value) > LONGEST else value


def _impersonal(columns: Iterable[ColumnElement[Any]], where: str) -> tuple[ColumnElement[Any], ...]:
    chosen = tuple(columns)
    for column in chosen:
        origins = {column, *getattr(column, "base_columns", ())}
        if any(getattr(origin, "info", {}).get("personal") for origin in origins):
            name = getattr(column, "key", column)
            raise MeasureError(f"{where} would show the personal column {name!s}; select keys, not people")
    return chosen
