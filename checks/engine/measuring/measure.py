"""Queries grouped into scans, and measured: row and metric rules of one table share one SELECT, all others stand alone.

A broken predicate breaks the statement that it shares with others. The statement is then run again in halves, until the
error stands alone: one rule's mistake is one rule's ERROR.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import eq
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, Subquery, and_, case, func
from sqlalchemy.sql.elements import BinaryExpression, FunctionFilter

from checks.engine.authoring import MeasureError
from checks.engine.authoring.spec import Kind
from checks.engine.authoring.units import reading_of
from checks.engine.measuring.compile_queries import Query, Together
from checks.engine.measuring.reflect import elements_of, keys_of, once_a_row
from checks.engine.measuring.scope import Scope
from checks.engine.measuring.snapshot import Rows, Session, asking, attempt, explained, not_free, timed_out
from etl.database import is_transient, sqlstate

# PostgreSQL takes 1,664 entries in a target list and 65,535 parameters in a statement
MOST_TARGETS, MOST_PARAMETERS = 1_600, 30_000
NO_RIGHT = "42501"
FUSED = {Kind.ROW, Kind.METRIC}


@dataclass(frozen=True, slots=True)
class Scan:
    """Row and metric queries of one table, answered by one pass over it.

    Those of one metric for each value of a column, such as for each league, are answered by grouping it `by` that: a
    condition for each of them would be asked of every row.
    """

    queries: tuple[Query, ...]
    by: ColumnElement[Any] | None = None

    @property
    def name(self) -> str:
        """What it is called while running."""
        return self.queries[0].check.table


@dataclass(frozen=True, slots=True)
class Alone:
    """A query with statements of its own."""

    query: Query

    @property
    def queries(self) -> tuple[Query, ...]:
        """The query, as a scan would give it."""
        return (self.query,)

    @property
    def name(self) -> str:
        """What it is called while running."""
        return self.query.check.name


@dataclass(frozen=True, slots=True)
class Grouped:
    """The queries of one rule for each value of a column, answered by statements that are grouped by it."""

    queries: tuple[Query, ...]
    together: Together

    @property
    def name(self) -> str:
        """What it is called while running."""
        return self.queries[0].check.name


Unit: TypeAlias = Scan | Grouped | Alone


def plan_scans(queries: Iterable[Query]) -> tuple[Unit, ...]:
    """The units of work of a run, the scans first: they take longest."""
    asked = sorted(queries, key=lambda query: (query.check.table, query.narrowed, query.id))
    groups = list(_groups(query for query in asked if query.check.mark.kind is Kind.METRIC))
    grouped = {query.id for scan in groups for query in scan.queries}
    fused = [query for query in asked if query.check.mark.kind in FUSED and query.id not in grouped]
    scans = [Scan(part) for alike in _by_table(fused) for part in _split(alike)]
    return (*scans, *groups, *_sets(query for query in asked if query.check.mark.kind not in FUSED))


def keys_of_scans(session: Session, units: Iterable[Unit]) -> Mapping[FromClause, ColumnElement[int]]:
    """The keys of the tables in whose scans bad rows are counted, where these are not too many to be collected."""
    rules = (query for unit in units if isinstance(unit, Scan) for query in unit.queries if query.metric is None)
    with suppress(Exception):  # then keys are not collected
        return keys_of({query.table for query in rules}, lambda rows: session.all(rows, PROBE_SECONDS))
    return {}


def _by_table(queries: Iterable[Query]) -> Iterable[Sequence[Query]]:
    # a table that some rules know by its name alone stands between those of the table that is declared
    by_table: dict[tuple[int, bool], list[Query]] = {}
    for query in queries:
        by_table.setdefault((id(query.table), query.narrowed), []).append(query)
    return by_table.values()


def _sets(queries: Iterable[Query]) -> Iterator[Grouped | Alone]:
    """Queries with statements of their own, those that one rule asks for all values at once together."""
    by_statement: dict[tuple[int, bool], list[Query]] = {}
    for query in queries:
        by_statement.setdefault((id(query.together or query), query.narrowed), []).append(query)
    for alike in by_statement.values():
        together = alike[0].together if len(alike) > 1 else None
        yield Alone(alike[0]) if together is None else Grouped(tuple(alike), together)


FEWEST_IN_GROUPS = 4
OF_NO_ROWS: Mapping[str, int | None] = {"count": 0, "sum": None, "min": None, "max": None, "avg": None}
"""What aggregates are where no row is: a group without rows is not among the groups."""


def _groups(metrics: Iterable[Query]) -> Iterator[Scan]:
    """Scans by groups, one for each metric that is asked for several values of one column."""
    for _, same in groupby(metrics, lambda query: (query.check.name, query.narrowed)):
        queries = tuple(same)
        columns = {_group_column(query) for query in queries}
        if len(queries) >= FEWEST_IN_GROUPS and len(columns) == 1 and None not in columns:
            yield Scan(queries, columns.pop())


def _group_column(query: Query) -> ColumnElement[Any] | None:
    """The column that a metric is filtered by, where it differs in nothing else from parameter to parameter."""
    metric: Any = query.metric
    if not isinstance(metric, FunctionFilter) or metric.func.name not in OF_NO_ROWS:
        return None
    if query.check.all_at_once:
        return query.table.c[query.check.all_at_once]
    test: Any = metric.criterion
    plain = isinstance(test, BinaryExpression) and test.operator is eq and isinstance(test.right, BindParameter)
    if not plain or metric.func.compile().params or getattr(test.left, "table", None) is not query.table:
        return None
    return test.left if test.right.effective_value == query.parameter.value else None


def bad_condition(query: Query) -> ColumnElement[bool]:
    """The condition of a row that is counted as bad."""
    bad: Any = query.bad
    among: Any = query.among
    condition: ColumnElement[bool] = bad if among is None else and_(bad, among)
    return condition


def targets(query: Query) -> tuple[ColumnElement[Any], ...]:
    """The aggregates that answer a row rule (bad rows, all rows) or a metric."""
    if query.metric is not None:
        return (query.metric,)
    total = func.count() if query.among is None else func.count().filter(query.among)  # type: ignore[arg-type]
    return func.count().filter(bad_condition(query)), total


def _split(queries: Sequence[Query]) -> Iterator[tuple[Query, ...]]:
    part: list[Query] = []
    weight = (0, 0)
    for query in queries:
        added = 1 if query.metric is not None else 3, query.once("parameters", lambda: _parameters(query))  # noqa: B023
        if part and (weight[0] + added[0] > MOST_TARGETS or weight[1] + added[1] > MOST_PARAMETERS):
            yield tuple(part)
            part, weight = [], (0, 0)
        part.append(query)
        weight = weight[0] + added[0], weight[1] + added[1]
    yield tuple(part)


def _parameters(query: Query) -> int:
    values = (part.effective_value for part in elements_of(targets(query)) if isinstance(part, BindParameter))
    return sum(len(value) if isinstance(value, (list, tuple)) else 1 for value in values)


PROBE_SECONDS = 5.0
SHARES = 20
"""After a scan that timed out, each of its rules is asked alone for such a share of its time."""
LEAST_SECONDS = 0.25
"""And for so long at least."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured: bad rows among all rows, or the value of a metric (None: nothing to measure)."""

    count: int | None = None
    total: int | None = None
    value: float | None = None

    @property
    def rate(self) -> float | None:
        """The share of bad rows; None without a total."""
        return self.count / self.total if self.count is not None and self.total else None


@dataclass(frozen=True, slots=True)
class Measured:
    """A query with its reading, or why there is none; `keys` are those of few bad rows, `digest` sums up very many."""

    query: Query
    seconds: float
    reading: Measurement | None = None
    error: str = ""
    timed_out: bool = False
    keys: Sequence[int] | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: which rows count, the pause before a further try, and a cap on every rule's timeout.

    The keys of up to `keys` bad rows come along with their number, where `columns` tells the key of their table.
    """

    scope: Scope = field(default_factory=Scope)
    pause: float = 0.2
    timeout: float | None = None
    keys: int = 0
    columns: Mapping[FromClause, ColumnElement[int]] = field(default_factory=dict)

    def limit(self, queries: Sequence[Query]) -> float:
        """The time limit of a statement that these queries share, in seconds."""
        longest = max(query.check.mark.timeout for query in queries)
        return longest if self.timeout is None else min(longest, self.timeout)


def read_scan(session: Session, scan: Scan, how: Asking) -> Iterator[Measured]:
    """The readings of a scan's queries, each with its share of the time."""
    started = time.perf_counter()
    retries = max(query.check.mark.retries for query in scan.queries)
    if scan.by is not None:
        yield from _read_groups(session, scan, how, scan.by)
        return
    scope = how.scope.of(narrowed=scan.queries[0].narrowed)
    counts = any(query.metric is None for query in scan.queries)
    key = how.columns.get(scan.queries[0].table) if how.keys and counts else None
    try:
        of_scan = ("scan", scope.shape, scan.queries, None if key is None else how.keys)
        statement = scan.queries[0].once(of_scan, lambda: scan_statement(scan, scope, key, how.keys))
        row = single(attempt(session, retries, how.pause, lambda: session.all(statement, how.limit(scan.queries))))
    except Exception as error:  # noqa: BLE001 - the boundary of one scan
        if key is not None and sqlstate(error) == NO_RIGHT:  # the key may be what the run must not read
            yield from read_scan(session, scan, replace(how, keys=0))
        else:
            yield from _isolated(session, scan, how, error, time.perf_counter() - started)
        return
    seconds = (time.perf_counter() - started) / len(scan.queries)
    values = iter(row[1:])
    for query in scan.queries:
        measured = _guarded(query, [next(values) for _ in range(1 if query.metric is not None else 2)], seconds)
        yield measured if key is None or query.metric is not None else replace(measured, keys=next(values))


def _read_groups(session: Session, scan: Scan, how: Asking, by: ColumnElement[Any]) -> Iterator[Measured]:
    started = time.perf_counter()
    metric: Any = scan.queries[0].metric
    statement = asking(by, metric.func).select_from(scan.queries[0].table)
    scope = how.scope.of(narrowed=scan.queries[0].narrowed)
    limited = statement.where(scope.condition(scan.queries[0].table)) if scope else statement
    try:
        rows = session.all(limited.group_by(by), how.limit(scan.queries))
    except Exception:  # noqa: BLE001 - asked one by one, the error lands where it belongs
        yield from read_scan(session, replace(scan, by=None), how)
        return
    values = {row[1]: row[2] for row in rows}
    seconds = (time.perf_counter() - started) / len(scan.queries)
    for query in scan.queries:
        yield _guarded(query, [values.get(query.parameter.value, OF_NO_ROWS[metric.func.name])], seconds)


def _collected(query: Query, key: ColumnElement[int] | None) -> tuple[ColumnElement[Any], ...]:
    """The targets of a query, with the keys of its bad rows in place of their number."""
    if key is None or query.metric is not None:
        return targets(query)
    # only as an array: the condition of a second aggregate would be asked of every row once more
    return func.array_agg(key).filter(bad_condition(query)), targets(query)[1]


def scan_statement(scan: Scan, scope: Scope, key: ColumnElement[int] | None = None, most: int = 0) -> Select[Any]:
    """One SELECT that answers all queries of a scan; with `key` it tells those of up to `most` bad rows as well."""
    table = scan.queries[0].table
    asked, rows = counted_once([_of_rows_that_count(query, scope) for query in scan.queries], table)
    columns = [target for query in asked for target in _collected(query, key)]
    # labels of our own: PostgreSQL has no trouble with two columns called "count", readers have
    labelled = [column.label(f"c{number}") for number, column in enumerate(columns)]
    statement = asking(*labelled).select_from(rows)
    # an aggregate gives one row; what is none would give as many as the table has
    scanned = (statement.where(scope.condition(table)) if scope else statement).limit(2)
    return scanned if key is None else _with_keys(scan.queries, scanned.subquery("scan"), most)


def _of_rows_that_count(query: Query, scope: Scope) -> Query:
    return query if query.metric is None else replace(query, metric=scope.figure(query.metric, query.table))


def counted_once(queries: Sequence[Query], source: FromClause) -> tuple[Sequence[Query], FromClause]:
    """Queries that share conditions among which they count, and the source of their rows with these as its columns."""
    among = [query.among if isinstance(query.among, ColumnElement) else None for query in queries]
    conditions, rows = once_a_row(among, source)
    pairs = zip(queries, conditions, strict=True)
    return [query if own is None else replace(query, among=own) for query, own in pairs], rows


def _with_keys(queries: Sequence[Query], scan: Subquery, most: int) -> Select[Any]:
    """Of each rule its bad rows, all rows, and the keys of few bad ones; of a metric its value."""
    columns, answer = iter([*scan.c][1:]), list[ColumnElement[Any]]()
    for query in queries:
        first = next(columns)
        if query.metric is not None:
            answer.append(first)
            continue
        bad = func.coalesce(func.cardinality(first), 0)
        answer += [bad, next(columns), case((bad <= most, first))]
    return asking(*answer)


def single(rows: Rows) -> Sequence[Any]:
    """The only row of a scan; raises MeasureError when a metric is no aggregate."""
    if len(rows) != 1:
        raise MeasureError("the metric gives a value for each row; expected one aggregate such as func.max(...)")
    return rows[0]


def _isolated(session: Session, scan: Scan, how: Asking, error: Exception, seconds: float) -> Iterator[Measured]:
    queries = scan.queries
    if len(queries) == 1 or is_hopeless(session, error):
        yield from unmeasured(queries, error, how, seconds)
    elif timed_out(error):
        yield from _one_by_one(session, scan, how)
    else:
        size = (len(queries) + 1) // 2
        for start in range(0, len(queries), size):
            yield from read_scan(session, Scan(queries[start : start + size]), how)


def unmeasured(queries: Sequence[Query], error: Exception, how: Asking, seconds: float) -> Iterator[Measured]:
    """Queries that share a statement, and its error."""
    reason, late = explained(error, how.limit(queries)), timed_out(error)
    yield from (Measured(query, seconds / len(queries), error=reason, timed_out=late) for query in queries)


def is_hopeless(session: Session, error: Exception) -> bool:
    """Whether to ask on would meet the same: a database that is away, or a lock on what the rules read."""
    # a rule can end its own connection, so whether the database answers is asked
    return not_free(error) or (is_transient(error) and not _answers(session))


def _one_by_one(session: Session, scan: Scan, how: Asking) -> Iterator[Measured]:
    """Ask each rule of a scan that took too long alone: shortly at first, the slow ones once more in the time left."""
    whole = how.limit(scan.queries)
    end = time.monotonic() + 2 * whole
    short = max(whole / SHARES, LEAST_SECONDS)
    slow = []
    for query in scan.queries:
        (measured,) = _asked_alone(session, query, how, min(short, end - time.monotonic()), whole)
        if measured.timed_out and short < how.limit((query,)):
            slow.append(query)
        else:
            yield measured
    for number, query in enumerate(slow):
        yield from _asked_alone(session, query, how, (end - time.monotonic()) / (len(slow) - number), whole)


def _asked_alone(session: Session, query: Query, how: Asking, seconds: float, whole: float) -> Iterator[Measured]:
    if seconds <= 0:
        reason = f"not measured: its scan timed out after {whole:g} s, and the time to ask its rules alone is used up"
        yield Measured(query, 0.0, error=reason)
        return
    yield from read_scan(session, Scan((query,)), replace(how, timeout=min(seconds, how.limit((query,))), keys=0))


def _answers(session: Session) -> bool:
    try:
        session.renew()
        session.all(asking(), timeout=PROBE_SECONDS)
    except Exception:  # noqa: BLE001 - whatever it is, it does not answer
        return False
    return True


def _guarded(query: Query, counted: Sequence[Any], seconds: float) -> Measured:
    if query.metric is None:
        return Measured(query, seconds, Measurement(count=counted[0], total=counted[1]))
    try:
        return Measured(query, seconds, Measurement(value=reading_of(counted[0])))
    except MeasureError as error:
        return Measured(query, seconds, error=str(error))
