"""One rule asked by itself: all of its bad rows, whole, for those who may see them, or what its own Python raises.

Personal columns stay hidden in rows; a debugger shows what a pandas rule is given.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from sqlalchemy import Engine, Select, SelectBase

from checks.engine.authoring import MeasureError
from checks.engine.authoring.decorators import impersonal
from checks.engine.authoring.spec import Check, Kind
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import values
from checks.engine.judging.alone import CHUNK, frame_columns, frame_of
from checks.engine.measuring.compile_queries import Query, Unasked, compile_queries
from checks.engine.measuring.measure import bad_condition
from checks.engine.measuring.reflect import NamedTables
from checks.engine.measuring.scope import Labels, Parameters
from checks.engine.measuring.snapshot import Session, Snapshot, SnapshotSession, asking
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
    with _asked(engine, rules, check, request) as (session, asked):
        queries = [item for item in asked if isinstance(item, Query)]
        if not queries:
            raise MeasureError("; ".join(getattr(item, "reason", "") for item in asked) or "there is nothing to ask")
        statements = [_statement(query) for query in queries]
        names = tuple(column.key or "" for column in list(statements[0].selected_columns)[1:])
        timeout = check.mark.timeout
        with closing(_read(session, statements, timeout)) as rows:  # who stops early has left the savepoint too
            yield RowsOfRule(names, rows)


def raised_by(engine: Engine, rules: Rules, check: Check, request: Request) -> BaseException | None:
    """What a rule's function raises, asked in this very process, for a debugger; None when it raises nothing.

    The error's traceback ends in the rule's own file: what a library does below it is cut off.
    """
    raised: list[BaseException] = []
    watched = replace(check, function=_watched(check.function, raised))
    with _asked(engine, rules, watched, request) as (session, asked), suppress(_RaisedError):
        for query in (item for item in asked if isinstance(item, Query) and item.check.mark.kind is Kind.FRAME):
            statement = asking(*frame_columns(query)).select_from(query.table)
            with closing(session.chunks(statement, check.mark.timeout, CHUNK)) as chunks:
                for chunk in chunks:
                    query.check.function(frame_of(query, [row[1:] for row in chunk]), **(query.arguments or {}))
    return _ended_in(check.source.file, raised[0]) if raised else None


class _RaisedError(Exception):
    """A rule raised, and it was noted."""


def _watched(function: Callable[..., Any], raised: list[BaseException]) -> Callable[..., Any]:
    # not wrapped by name: what stands in a file would be tried in a process of its own, where no debugger is
    def call(*arguments: Any, **names: Any) -> Any:
        try:
            return function(*arguments, **names)
        except BaseException as error:
            raised.append(error)
            raise _RaisedError from error

    return call


def _ended_in(file: str, error: BaseException) -> BaseException:
    frames: list[TracebackType] = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    inside = [number for number, one in enumerate(frames) if one.tb_frame.f_code.co_filename == file]
    if inside:
        frames[inside[-1]].tb_next = None
    return error


@contextmanager
def _asked(
    engine: Engine, rules: Rules, check: Check, request: Request
) -> Iterator[tuple[Session, list[Query | Unasked]]]:  # fmt: skip
    """The queries of one rule, and the session of a snapshot to ask them in."""
    chosen = rules.only([check])
    given = {"today": request.day, "now": request.now, **request.values}
    with (
        Snapshot(engine, request.options.role, request.options.reader) as snapshot,
        values(chosen.fixtures, given) as fixtures,
    ):
        session = SnapshotSession(snapshot)
        try:
            labels = Labels(session, request.dimensions)
            scope = labels.scope(request.selection.scope)
            parameters = Parameters(session, fixtures, request.selection.scope)
            tables = NamedTables(engine.connect, request.tables)
            yield session, compile_queries([check], parameters, fixtures, scope, labels=labels, tables=tables)
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
