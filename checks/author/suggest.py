"""Ready-made rules that a table keeps today, as lines to paste, with the limits that its data passes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import Connection, Date, DateTime, Integer, Numeric, String, Table, func, select
from sqlalchemy.sql.expression import ColumnElement

from checks.engine.authoring.decorators import impersonal
from checks.engine.authoring.spec import TableName
from checks.engine.judging.findings import key_columns

FEW_VALUES = 12
"""Distinct texts up to which a column is taken for a choice."""
FEWEST_ROWS = 20
MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line of `rally.toml`, and what in the data speaks for it."""

    kind: str
    options: dict[str, Any]
    because: str

    def __str__(self) -> str:
        lines = [f"# {self.because}", "[[rules]]", f'kind = "{self.kind}"']
        return "\n".join(
            [*lines, *(f"{name} = {json.dumps(value, default=str)}" for name, value in self.options.items())]
        )


def suggestions(connection: Connection, name: TableName, table: Table) -> Iterator[Suggestion]:
    """Rules for a table; of one with few rows only that it is not to lose any.

    Columns that tell of people are left out, for a suggestion repeats values.
    """
    count = connection.scalar(select(func.count()).select_from(table)) or 0
    yield Suggestion("row_count", {"table": name.name}, f"{count:,} rows")
    if count < FEWEST_ROWS:
        return
    keys = {column.name for column in key_columns(table)} if len(table.primary_key) == 1 else set()
    for column in impersonal(table):
        yield from _of_column(connection, name, table, column, count, is_key=column.name in keys)


def _of_column(
    connection: Connection, name: TableName, table: Table, column: Any, count: int, *, is_key: bool
) -> Iterator[Suggestion]:
    filled, distinct = connection.execute(select(func.count(column), func.count(column.distinct()))).one()
    at = {"table": name.name, "column": column.name}
    nothing = (count - filled) / count
    if not nothing and not is_key:
        yield Suggestion("not_null", at, "never empty")
    elif 0 < nothing <= 1 - MOSTLY:
        yield Suggestion("not_null", {**at, "warn": f"{_up(nothing)} %"}, f"empty in {nothing:.1%}")
    if filled == distinct and filled == count and not is_key:
        yield Suggestion("unique", at, "no value twice")
    yield from _of_values(connection, table, column, at, distinct=distinct, filled=filled)


def _of_values(
    connection: Connection, table: Table, column: Any, at: dict[str, Any], *, distinct: int, filled: int
) -> Iterator[Suggestion]:
    if isinstance(column.type, String) and 1 <= distinct <= FEW_VALUES and filled >= FEWEST_ROWS:
        values = connection.scalars(select(column).where(column.is_not(None)).distinct().order_by(column)).all()
        yield Suggestion("accepted_values", {**at, "values": list(values)}, f"one of {distinct}")
    elif isinstance(column.type, Integer | Numeric) and distinct > 2 and not column.name.endswith("id"):
        least, most = connection.execute(select(func.min(column), func.max(column))).one()
        yield Suggestion("between", {**at, "least": float(least), "most": float(most)}, f"from {least} to {most}")
    elif isinstance(column.type, DateTime) and distinct > 2:
        yield Suggestion("fresh", at, "a time")
    elif isinstance(column.type, Date) and distinct > 2:
        yield from _range(connection, table, column, at)


def _range(
    connection: Connection, table: Table, column: ColumnElement[Any], at: dict[str, Any]
) -> Iterator[Suggestion]:
    finite = select(func.min(column), func.max(column)).where(func.isfinite(column))
    least, most = connection.execute(finite.select_from(table)).one()
    yield Suggestion("between", {**at, "least": str(least)}, f"from {least} to {most}")


def _up(share: float) -> float:
    """A share in percent, rounded up so that today's data passes."""
    return ceil(share * 1000) / 10
