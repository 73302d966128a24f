"""Checks the values of many rows column by column, each distinct text once: feeds repeat their names and dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

_LIMIT = 20_000
"""Distinct texts that a column remembers: with the longest texts that are allowed, a few megabytes."""


class Columns:
    """The columns of one feed, with what is known of their texts."""

    def __init__(self, adapters: Sequence[TypeAdapter[list[Any]]]) -> None:
        self._columns = [(adapter, dict[object, Any]()) for adapter in adapters]

    def check(self, columns: Sequence[Sequence[object]]) -> list[Sequence[Any]] | None:
        """The checked values, column by column; None where any value of any row is refused."""
        try:
            return [_check(*own, values) for own, values in zip(self._columns, columns, strict=True)]
        except ValidationError:
            return None


def _check(adapter: TypeAdapter[list[Any]], known: dict[object, Any], values: Sequence[object]) -> Sequence[Any]:
    try:
        return list(map(known.__getitem__, values))  # nearly always
    except (KeyError, TypeError):
        pass
    try:
        new = set(values) - known.keys()
    except TypeError:  # arrays and objects
        return adapter.validate_python(list(values))
    if not all(isinstance(value, str | None) for value in new):  # 1 and true are one key
        return adapter.validate_python(list(values))
    if len(known) + len(new) > _LIMIT:
        known.clear()
        new = set(values)
    known.update(zip(new, adapter.validate_python(list(new)), strict=True))
    return list(map(known.__getitem__, values))
