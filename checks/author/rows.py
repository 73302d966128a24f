"""All bad rows of one rule, whole, for those who may see them; personal columns stay hidden."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, SelectBase

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import impersonal
from checks.engine.authoring.spec import Check, Kind
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import values
from checks.engine.measuring.compile_queries import Parameters, Query, compile_queries
from checks.engine.measuring.measure import bad_condition
from checks.engine.measuring.reflect import NamedTables
from checks.engine.measuring.scope import Labels
from checks.engine.measuring.snapshot import Session, SnapshotSession, asking, one_moment
from checks.engine.run import Request

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class RowsOfRule:
    """The bad rows of a rule: what their columns are called, and the rows as they are read."""

    names: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def bad_rows_of(engine: Engine, rules: Rules, check: Check, request: Request) -> Iterator[RowsOfRule]:
    """The bad rows of one rule, over all its parameters, read in chunks on one snapshot. Raises MeasureError."""
    chosen = rules.only([check])
    given = {"today": request.day, "now": request.now, **request.values}
    with (
        one_moment(engine, request.options.role, request.options.reader) as snapshot,
        values(chosen.fixtures, given) as fixtures,
    ):
        session = SnapshotSession(snapshot)
        try:
            labels = Labels(session, request.dimensions)
            scope = labels.scope(request.selection.scope)
            parameters = Parameters(session, fixtures, request.selection.scope)
            tables = NamedTables(engine.connect, request.tables)
            asked = compile_queries([check], parameters, fixtures, scope, labels=labels, tables=tables)
            queries = [item for item in asked if isinstance(item, Query)]
            if not queries:
                raise MeasureError(
                    "; ".join(getattr(item, "reason", "") for item in asked) or "there is nothing to ask"
                )
            statements = [_statement(query) for query in queries]
            names = tuple(column.key or "" for column in list(statements[0].selected_columns)[1:])
            timeout = check.mark.timeout
            with closing(_read(session, statements, timeout)) as rows:  # who stops early has left the savepoint too
                yield RowsOfRule(names, rows)
        finally:
            session.close()


def _read(session: Session, statements: Iterable[Select[Any]], timeout: float) -> Generator[tuple[Any, ...]]:
    for statement in statements:
        with closing(session.chunks(statement, timeout, AT_ONCE)) as chunks:
            for chunk in chunks:
                yield from (tuple(row[1:]) for row in chunk)


def _statement(query: Query) -> Select[Any]:
    """The rows as they stand in their table, or the keys that a statement selects."""
    if isinstance(query.bad, SelectBase):
        rows = query.bad.subquery()
        return asking(*impersonal(rows)).select_from(rows)
    if query.check.mark.kind is not Kind.ROW:
        raise MeasureError(f"a {query.check.mark.kind} has no rows to show")
    return asking(*impersonal(query.table)).select_from(query.table).where(bad_condition(query))
