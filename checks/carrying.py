"""What a result rests on: the statements of its rule, and the state of every table that they read.

`check --since last` measures nothing anew whose basis is that of the run that measured it last. A table's state is
exact: how many rows it has, and which transactions wrote them, so no insert, update or delete goes unseen, whoever made
it. Of a rule that runs once per league, only the rows of that league count where its statement keeps to them.

A figure that is judged by its history is carried over like any other, and judged anew. Where a rule knows the day, that
is a value of its statement: it is measured once a day. Without a basis a rule is measured in every run: where it calls
Python, is told as text, or asks for more than tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement

from checks.engine.authoring import CheckError
from checks.engine.authoring.spec import Kind
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.judge import Id
from checks.engine.measuring.child import in_child
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.reflect import elements_of
from checks.engine.measuring.scope import Parameter, Scope
from checks.engine.measuring.snapshot import Session, asking
from checks.engine.reporting.literal import DIALECT, readable_sql, remember_sql
from checks.scopes import DIMENSIONS, IMPORT, LEAGUE
from etl.tables import metadata

UNSTEADY = re.compile(
    r"\b(now|current_\w+|local(time|timestamp)|(clock|statement|transaction)_timestamp|timeofday|age|random|setseed"
    r"|gen_random_uuid|uuid\w*|nextval|currval|lastval|pg_\w+|information_schema|regclass|txid\w*)\b",
    re.IGNORECASE,
)
"""What answers differently without any row having changed."""
SECONDS = 60.0
KEPT_TO = "league_id"

Versions: TypeAlias = Mapping[Any, tuple[Any, ...]]
"""How many rows there are and which transactions wrote them, by league; one entry for a table without."""


def bases(session: Session, queries: Sequence[Query]) -> dict[Id, str]:
    """The basis of each query that has one, as a digest; the state of tables is read while statements are written."""
    of_all: dict[Any, _Reads | None] = {}
    asked: list[tuple[Query, _Reads]] = []
    with ThreadPoolExecutor(1, thread_name_prefix="states") as reader:
        state = TableState(session, reader)
        _write_aside(queries, state)
        for query in queries:
            if reads := _reads_of_one(query, of_all):
                # its own table, most likely the largest, before those where something is looked up: rules wait for it
                state.begin(sorted(reads.tables, key=lambda table: table.fullname != query.check.table))
                asked.append((query, reads))
        made = [(query.id, _basis(query, reads, state)) for query, reads in asked]
    return {id_: basis for id_, basis in made if basis}


MANY, SECONDS_ASIDE = 30, 10.0
"""So many statements are worth a process, which has them written within so many seconds."""


def _write_aside(queries: Sequence[Query], state: TableState) -> None:
    """Have statements written by a process beside this one, which has rules to ask meanwhile; else it is done here."""
    lacking = [query for query in queries if not query.check.all_at_once and "reads" not in query.statements]
    if len(lacking) < MANY:
        return
    named = {own for query in lacking for own in query.check.mark.all_tables}
    own_tables = {own.fullname: own for own in named if isinstance(own, sa.Table)}
    state.begin(own_tables.values())
    tables = {**metadata.tables, **own_tables}
    with suppress(CheckError, OSError):
        answer = in_child(SECONDS_ASIDE, "writing statements", lambda: json.dumps([*map(_told, lacking)]).encode())
        for query, (text, *reads) in zip(lacking, json.loads(answer), strict=True):
            _remember(query, text, reads, tables)


Told: TypeAlias = tuple[str | None, str, Sequence[str], Sequence[str]]
"""The text for a reader; text and tables of what a query reads, and those of its league alone, by their names."""


def _told(query: Query) -> Told:
    reads = _reads_of_one(query, {}) or _Reads("", frozenset())
    with suppress(Exception):  # what cannot be written out says so where it is read
        read, kept = ([table.fullname for table in own] for own in (reads.tables, reads.kept))
        return readable_sql(query, Scope()), reads.text, read, kept
    return None, "", (), ()


def _remember(query: Query, text: str | None, reads: Sequence[Any], tables: Mapping[str, sa.Table]) -> None:
    """Take what another process has told; of a table that nobody describes here, this one finds out what it reads."""
    if text is None:
        return
    remember_sql(query, text)
    asked, *names = reads
    if tables.keys() >= {*names[0]}:
        read, kept = (frozenset(tables[name] for name in own) for own in names)
        query.once("reads", lambda: _Reads(asked, read, kept) if asked else None)


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a query asks and the tables that it reads, of some of them the rows of its league alone."""

    text: str
    tables: frozenset[sa.Table]
    kept: frozenset[sa.Table] = frozenset()

    @classmethod
    def of(cls, query: Query) -> _Reads | None:
        """Of a query that asks tables alone, which can be written out."""
        if query.check.mark.kind is Kind.FRAME:
            return None
        try:
            # as the report shows it: it is written once for both
            text = readable_sql(query, Scope()) + ("" if query.among is None else f"\n{_text(query.among)}")
        except Exception:  # noqa: BLE001 - what cannot be written out has no basis, and is measured
            return None
        tables = None if UNSTEADY.search(text) else tables_of(query)
        return cls(text, tables, kept_to_league(query) & tables) if tables else None

    @classmethod
    def at_once(cls, query: Query) -> _Reads | None:
        """Of the query for all leagues, of which this one is for one."""
        metric: Any = query.metric
        if query.together is not None:
            bad, among = query.together.bad, query.together.among
            return cls.of(replace(query, bad=bad, among=among, together=None, parameter=Parameter()))
        reads = cls.of(replace(query, metric=metric.func, parameter=Parameter()))
        own = [table for table in (reads.tables if reads else ()) if table is query.table]
        return reads and replace(reads, kept=frozenset(own if query.check.all_at_once == KEPT_TO else ()))


def _reads_of_one(query: Query, of_all: dict[Any, _Reads | None]) -> _Reads | None:
    """What a query reads, which a process writes out once; what a rule asks for all leagues at once, once a run."""
    if not query.check.all_at_once:
        return query.once("reads", lambda: _Reads.of(query))
    key = query.together or id(query.check)
    if key not in of_all:
        of_all[key] = _Reads.at_once(query)
    return of_all[key]


def _basis(query: Query, reads: _Reads, state: TableState) -> str:
    league = query.parameter.value
    tables = sorted(reads.tables, key=lambda table: table.fullname)
    states = [state.text(table, league if table in reads.kept else None) for table in tables]
    if None in states:
        return ""
    return sha256("\n".join([reads.text, repr(league), *map(str, states)]).encode("utf-8", "surrogatepass")).hexdigest()


class TableState:
    """The state of tables on one snapshot, each read once, one after another, by the thread of `reader`."""

    def __init__(self, session: Session, reader: Executor) -> None:
        self._session, self._reader = session, reader
        self._read: dict[str, Future[tuple[Versions, str] | None]] = {}

    def begin(self, tables: Iterable[sa.Table]) -> None:
        """Have the state of tables read, which is asked for later."""
        for table in tables:  # rules may describe one table in several ways
            if table.fullname not in self._read:
                self._read[table.fullname] = self._reader.submit(self._state, table)

    def text(self, table: sa.Table, league: Any = None) -> str | None:
        """The state of a table, or of its rows of one league; None for what has none, such as a view."""
        read = self._read[table.fullname].result()
        if read is None or league is None:
            return read and read[1]
        return f"{table.fullname} {league} {read[0].get(league)}"

    def _state(self, table: sa.Table) -> tuple[Versions, str] | None:
        with suppress(Exception):  # a view, or no right to read it: then its rules are measured
            versions = self._versions(table)
            return versions, f"{table.fullname} {sorted(map(str, versions.items()))}"
        return None

    def _versions(self, table: sa.Table) -> Versions:
        rows = table.alias("t")
        league = rows.c[KEPT_TO] if KEPT_TO in rows.c else sa.null()
        writer = sa.select(league.label("league"), sa.column("xmin"), sa.func.count().label("rows"))
        # few transactions have written many rows: each is made a number once
        of = writer.select_from(rows).group_by("league", "xmin").subquery("writers").c
        number = sa.cast(sa.cast(of.xmin, sa.Text), sa.BigInteger)
        counted = asking(of.league, sa.func.sum(of.rows), sa.func.sum(of.rows * number), sa.func.max(number))
        return {row[1]: tuple(row[2:]) for row in self._session.all(counted.group_by(of.league), SECONDS)}


def _text(part: ClauseElement) -> str:
    """A statement with its values beside it: for no reader, in a third of the time of one that can be pasted."""
    compiled = part.compile(dialect=DIALECT)
    return f"{compiled} {sorted(compiled.params.items())}"


def tables_of(query: Query) -> frozenset[sa.Table] | None:
    """The tables that a query reads, also to say where its bad rows are and what such a place is called; or None."""
    elements: list[Any] = [part for part in (query.bad, query.among, query.metric) if part is not None]
    if isinstance(query.check.mark.table, sa.FromClause) and query.check.mark.kind is not Kind.CHECK:
        elements.append(query.table)
    with suppress(CheckError):  # a metric has no bad rows
        rows = BadRows.of(query, Scope(), DIMENSIONS)
        # of an import its number is the name
        labels = [dimension.labels for dimension, _ in rows.reached if dimension is not IMPORT]
        elements.extend([rows.joined, *labels])
    found = {part for part in elements_of(elements) if isinstance(part, (sa.TableClause, sa.TextClause))}
    tables = frozenset(part for part in found if isinstance(part, sa.Table))
    return tables if len(tables) == len(found) else None


def kept_to_league(query: Query) -> frozenset[sa.Table]:
    """The tables of which a query that runs once per league reads the rows of its league alone."""
    if query.check.mark.each != LEAGUE.name:
        return frozenset()
    statements = [part for part in (query.bad, query.among) if isinstance(part, sa.SelectBase)]
    selects = [part for part in elements_of(statements) if isinstance(part, sa.Select)]
    reads = [(table, _keeps(statement, source, query.parameter.value))
             for statement in selects for source, table in _sources(statement.get_final_froms())]  # fmt: skip
    every = {table for table, _ in reads}
    return frozenset(every - {table for table, kept in reads if not kept} - _looked_up(query))


def _looked_up(query: Query) -> set[sa.Table]:
    """The tables in which is looked up where bad rows are, whatever their league."""
    with suppress(CheckError):
        return {table for _, table in _sources([BadRows.of(query, Scope(), DIMENSIONS).joined])}
    return set()


def _sources(froms: Iterable[sa.FromClause]) -> Iterator[tuple[sa.FromClause, sa.Table]]:
    """The tables that a SELECT reads itself, each as it is called there."""
    for source in froms:
        if isinstance(source, sa.Join):
            yield from _sources((source.left, source.right))
        elif isinstance(source, sa.Table):
            yield source, source
        elif (
            isinstance(source, sa.Alias)
            and not isinstance(source, (sa.Subquery, sa.CTE))
            and isinstance(source.element, sa.Table)
        ):
            yield source, source.element


def _keeps(statement: sa.Select[Any], source: sa.FromClause, value: Any) -> bool:
    return any(_is_kept(part, source, value) for part in _conjuncts(statement.whereclause))


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, sa.BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _conjuncts(part)
    elif condition is not None:
        yield condition


def _is_kept(condition: Any, source: sa.FromClause, value: Any) -> bool:
    return (
        isinstance(condition, BinaryExpression)
        and condition.operator is operators.eq
        and getattr(condition.left, "table", None) is source
        and getattr(condition.left, "name", "") == KEPT_TO
        and isinstance(condition.right, sa.BindParameter)
        and condition.right.effective_value == value
    )
