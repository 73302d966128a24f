"""Blind spots, which nobody would notice: rules that say nothing, and data that no rule looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Column as TableColumn
from sqlalchemy import Table

from checks.engine.authoring.spec import Check
from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import Values, values
from checks.engine.measuring.compile_queries import Query, queries_of
from checks.engine.measuring.reflect import elements_of
from checks.engine.measuring.scope import Parameter
from checks.review.section import Layout, Section
from checks.review.values import PeriodKind, ReviewInputs
from checks.stored import StoredResult
from etl.tables import QUALITY, metadata

FEWEST_RUNS = 7
ANY_NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
ANY_PARAMETER = Parameter("one", 1)


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """One kind of blind spot, and what is meant by it; `table` where it is about the columns of one."""

    key: str
    title: str
    names: tuple[str, ...]
    table: str = ""

    @property
    def title_and_names(self) -> tuple[str, str]:
        """How a page says it."""
        return self.title, f"{len(self.names)}: {', '.join(self.names)}" if self.names else "none"

    def __str__(self) -> str:
        names = number_of(len(self.names), "rules") if self.key == "never_measured" else ", ".join(self.names) or "none"
        return f"{self.title[:1].lower()}{self.title[1:]}: {names}"


def blind_spots(inputs: ReviewInputs) -> Iterator[BlindSpot]:
    """The blind spots of a period. A rule counts as silent, or as loud, from seven readings on."""
    measured = _measured(inputs)
    many = {rule: results for rule, results in measured.items() if len(results) >= FEWEST_RUNS}
    silent = tuple(rule for rule, results in many.items() if not any(one.status.failing for one in results))
    loud = tuple(rule for rule, results in many.items() if all(one.status.failing for one in results))
    yield BlindSpot("never_fired", "Rules that never fired", silent)
    yield BlindSpot("always_fire", "Rules that always fire", loud)
    unmeasured = tuple(rule for rule, results in measured.items() if not results)
    yield BlindSpot("never_measured", "Rules that were never measured", unmeasured)
    yield from _unread(inputs.rules)


def _measured(inputs: ReviewInputs) -> dict[str, list[StoredResult]]:
    measured: dict[str, list[StoredResult]] = {rule: [] for rule in inputs.rules}
    for (rule, _), results in inputs.results.items():
        if rule in measured:
            measured[rule].extend(result for result in results if result.status.measured)
    return measured


def _unread(rules: Rules) -> Iterator[BlindSpot]:
    read = columns_read(rules)
    tables = sorted((table for table in metadata.sorted_tables if table.schema != QUALITY), key=lambda one: one.name)
    watched = [table for table in tables if any(column.table is table for column in read)]
    names = tuple(table.name for table in tables if table not in watched)
    yield BlindSpot("unwatched_tables", "Tables that no rule reads", names)
    for table in watched:
        columns = tuple(one.name for one in table.columns if one not in read and not one.primary_key)
        if columns:
            yield BlindSpot("unwatched_columns", f"Columns of {table.name} that no rule reads", columns, table.name)


def columns_read(rules: Rules) -> frozenset[TableColumn[Any]]:
    """The columns of tables that some rule reads."""
    provided = {"now": ANY_NOON, "today": ANY_NOON.date(), **dict.fromkeys(rules.provided, ANY_PARAMETER.value)}
    with values(rules.fixtures, provided) as given:
        return frozenset(column for rule in rules.values() for column in _columns(rule, given))


def _columns(rule: Check, given: Values) -> Iterator[TableColumn[Any]]:
    table = rule.mark.table
    if isinstance(table, Table):
        yield from (table.c[name] for name in rule.mark.columns if name in table.c)
    parameters = [Parameter()] if rule.mark.each is None else [ANY_PARAMETER]
    for asked in queries_of(rule, parameters, given):
        if isinstance(asked, Query):
            # once in a process: a page with this section took longer over it than over all the others
            yield from asked.once("columns read", partial(_columns_of, asked))


def _columns_of(query: Query) -> frozenset[TableColumn[Any]]:
    parts = [part for part in (query.bad, query.among, query.metric) if part is not None]
    # a column of an alias or a subquery stands for one of a table
    bases = (base for element in elements_of(parts) for base in getattr(element, "base_columns", ()))
    return frozenset(base for base in bases if isinstance(base, TableColumn) and isinstance(base.table, Table))


def _document(spots: Sequence[BlindSpot]) -> dict[str, Any] | None:
    """By key, the columns by table; None where this kind of report does not look for blind spots."""
    if not spots:
        return None
    document: dict[str, Any] = {spot.key: list(spot.names) for spot in spots if not spot.table}
    return document | {"unwatched_columns": {spot.table: list(spot.names) for spot in spots if spot.table}}


BLIND_SPOTS = Section(
    key="risks", anchor="risks", title="Blind spots", place=150, shortest=PeriodKind.QUARTERLY, empty="There are none.",
    rows=lambda inputs: tuple(blind_spots(inputs)), layout=Layout.FACTS, line=str, document=_document,
)  # fmt: skip
