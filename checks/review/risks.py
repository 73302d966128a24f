"""What nobody would notice: rules that say nothing, and data that no rule looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.sql.visitors import iterate

from checks.engine.authoring.spec import Check
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import Values, values
from checks.engine.measuring.compile_queries import Parameter, Query, queries_of
from checks.review.values import Book, Period, Reading
from etl.tables import QUALITY, metadata

FEWEST_RUNS = 7
ANY_NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
ANY_PARAMETER = Parameter("one", 1)


@dataclass(frozen=True, slots=True)
class Risks:
    """Rules by what is odd about them, and tables (with their columns) that no rule reads."""

    never_fired: tuple[str, ...]
    always_fire: tuple[str, ...]
    never_measured: tuple[str, ...]
    unwatched_tables: tuple[str, ...]
    unwatched_columns: Mapping[str, tuple[str, ...]]


def risks(book: Book, rules: Rules, period: Period) -> Risks:
    """The risk list of a period. A rule counts as silent, or as loud, from seven readings on."""
    read = {rule: _readings(rule, book, period) for rule in rules}
    many = {rule: own for rule, own in read.items() if len(own) >= FEWEST_RUNS}
    seen = watched(rules)
    ours = [table for table in metadata.sorted_tables if table.schema != QUALITY]
    gaps = {table.name: _unseen(table, seen) for table in ours if any(column.table is table for column in seen)}
    return Risks(
        never_fired=tuple(rule for rule, own in many.items() if not any(one.status.failing for one in own)),
        always_fire=tuple(rule for rule, own in many.items() if all(one.status.failing for one in own)),
        never_measured=tuple(rule for rule, own in read.items() if not own),
        unwatched_tables=tuple(sorted(table.name for table in ours if table.name not in gaps)),
        unwatched_columns={name: columns for name, columns in sorted(gaps.items()) if columns},
    )


def watched(rules: Rules) -> frozenset[Column[Any]]:
    """The columns of tables that some rule reads."""
    known = {"now": ANY_NOON, "today": ANY_NOON.date(), **dict.fromkeys(rules.provided, ANY_PARAMETER.value)}
    with values(rules.fixtures, known) as given:
        return frozenset(column for rule in rules.values() for column in _columns(rule, given))


def _columns(rule: Check, given: Values) -> Iterator[Column[Any]]:
    table = rule.mark.table
    if isinstance(table, Table):
        yield from (table.c[name] for name in rule.mark.columns if name in table.c)
    parameters = [Parameter()] if rule.mark.each is None else [ANY_PARAMETER]
    for asked in queries_of(rule, parameters, given):
        if isinstance(asked, Query):
            for part in (asked.bad, asked.among, asked.metric):
                yield from _read(part)


def _read(part: Any) -> Iterator[Column[Any]]:
    if part is None:
        return
    for element in iterate(part):
        # a column of an alias or a subquery stands for one of a table
        bases = getattr(element, "base_columns", ())
        yield from (base for base in bases if isinstance(base, Column) and isinstance(base.table, Table))


def _unseen(table: Table, seen: frozenset[Column[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column not in seen and not column.primary_key)


def _readings(rule: str, book: Book, period: Period) -> list[Reading]:
    own = [one for (name, _), readings in book.readings.items() if name == rule for one in readings]
    return [one for one in own if period.covers(one.at) and one.status.measured]
