"""Where bad rows cluster: league, series, club, import. The caller names the dimensions, the engine only follows.

A dimension is reached from a column that a table or a statement has, by the first of its ways whose column is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Select, select

Column: TypeAlias = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a dimension: from `column`, the value by `value` and a test for a given value by `holds`."""

    column: str
    value: Callable[[Column], Column]
    holds: Callable[[Column, Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Dimension:
    """What rows can be grouped and narrowed by.

    `labels` selects each value with the text that people know it by; without it a value is its own text. With `scored`
    a report tells a score for each value.
    """

    name: str
    ways: tuple[Way, ...]
    labels: Select[tuple[Any, str]] | None = None
    scored: bool = False

    def way(self, source: FromClause) -> tuple[Way, Column] | None:
        """The first way whose column the source has, with that column."""
        return next(((way, source.c[way.column]) for way in self.ways if way.column in source.c), None)

    def of(self, source: FromClause) -> Column | None:
        """The value of a row of the source, None when no way leads there."""
        found = self.way(source)
        return None if found is None else found[0].value(found[1])

    def holds(self, source: FromClause, value: Any) -> ColumnElement[bool] | None:
        """The condition that a row of the source has that value, None when no way leads there."""
        found = self.way(source)
        return None if found is None else found[0].holds(found[1], value)


def direct(column: str) -> Way:
    """The column itself holds the value."""
    return Way(column, lambda own: own, lambda own, value: own == value)


def through(column: str, key: Column, value: Column) -> Way:
    """The column refers to `key` of another table, whose column `value` holds the value."""
    return Way(
        column,
        lambda own: select(value).where(key == own).scalar_subquery(),
        # uncorrelated, so the database looks the few keys up once and not once per row
        lambda own, wanted: own.in_(select(key).where(value == wanted)),
    )
