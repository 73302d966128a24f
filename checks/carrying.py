"""What a result rests on: the statements of its rule, and the state of every table that they read.

`check --since last` measures nothing anew whose basis is that of the run that measured it last. A table's state is
exact: how many rows it has, and which transactions wrote them, so no insert, update or delete goes unseen, whoever made
it. Of a rule that runs once per league, only the rows of that league count where its statement keeps to them.

Without a basis a rule is measured in every run: where it compares with the time of the run, is judged on its history,
calls Python, is told as text, or asks for more than tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement

from checks.engine.authoring import CheckError
from checks.engine.authoring.spec import Check, Kind
from checks.engine.authoring.thresholds import Fixed
from checks.engine.collecting.rules import Rules
from checks.engine.collecting.wiring import BUILT_IN, Fixture
from checks.engine.judging.bad_rows import BadRows
from checks.engine.judging.judge import Id
from checks.engine.measuring.compile_queries import Query, Together
from checks.engine.measuring.reflect import elements_of
from checks.engine.measuring.scope import Parameter, Scope
from checks.engine.measuring.snapshot import Session, asking
from checks.engine.reporting.literal import DIALECT
from checks.scopes import DIMENSIONS, IMPORT, LEAGUE

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


def bases(rules: Rules, session: Session, queries: Iterable[Query]) -> dict[Id, str]:
    """The basis of each query that has one, as a digest."""
    state = TableState(session)
    of_all: dict[Together, str] = {}
    made = ((query.id, _basis_of_one(query, rules.fixtures, state, of_all)) for query in queries)
    return {id_: basis for id_, basis in made if basis}


def _basis_of_one(query: Query, fixtures: Mapping[str, Fixture], state: TableState, of_all: dict[Together, str]) -> str:
    """The basis of a query; what a rule asks for all leagues at once rests on the same for each of them."""
    together = query.together
    if together is None:
        return _basis(query, fixtures, state)
    if together not in of_all:
        every = replace(query, bad=together.bad, among=together.among, together=None, parameter=Parameter())
        of_all[together] = _basis(every, fixtures, state)
    basis = of_all[together]
    return basis and sha256(f"{basis} {query.parameter.value!r}".encode()).hexdigest()


class TableState:
    """The state of tables on one snapshot, each read when it is first asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[sa.Table, Versions | None] = {}

    def text(self, table: sa.Table, league: Any = None) -> str | None:
        """The state of a table, or of its rows of one league; None for what has none, such as a view."""
        if table not in self._read:
            self._read[table] = None
            with suppress(Exception):  # a view, or no right to read it: then its rules are measured
                self._read[table] = self._versions(table)
        versions = self._read[table]
        if versions is None:
            return None
        chosen = versions if league is None else {league: versions.get(league)}
        return f"{table.fullname} {sorted(map(str, chosen.items()))}"

    def _versions(self, table: sa.Table) -> Versions:
        rows = table.alias("t")
        league = rows.c[KEPT_TO] if KEPT_TO in rows.c else sa.null()
        writer = sa.select(league.label("league"), sa.column("xmin"), sa.func.count().label("rows"))
        # few transactions have written many rows: each is made a number once
        of = writer.select_from(rows).group_by("league", "xmin").subquery("writers").c
        number = sa.cast(sa.cast(of.xmin, sa.Text), sa.BigInteger)
        counted = asking(of.league, sa.func.sum(of.rows), sa.func.sum(of.rows * number), sa.func.max(number))
        return {row[1]: tuple(row[2:]) for row in self._session.all(counted.group_by(of.league), SECONDS)}


def _basis(query: Query, fixtures: Mapping[str, Fixture], state: TableState) -> str:
    if not _steady(query.check, fixtures):
        return ""
    parts = [part for part in (query.bad, query.among, query.metric) if part is not None]
    try:
        text = "\n".join(map(_text, parts))
    except Exception:  # noqa: BLE001 - what cannot be written out has no basis, and is measured
        return ""
    tables = None if UNSTEADY.search(text) else tables_of(query)
    kept = kept_to_league(query) & (tables or frozenset())
    states = [] if tables is None else [
        state.text(table, query.parameter.value if table in kept else None)
        for table in sorted(tables, key=lambda table: table.fullname)
    ]  # fmt: skip
    if not states or None in states:
        return ""
    return sha256("\n".join([text, *map(str, states)]).encode("utf-8", "surrogatepass")).hexdigest()


def _text(part: ClauseElement) -> str:
    """A statement with its values beside it: for no reader, in a third of the time of one that can be pasted."""
    compiled = part.compile(dialect=DIALECT)
    return f"{compiled} {sorted(compiled.params.items())}"


def _steady(check: Check, fixtures: Mapping[str, Fixture]) -> bool:
    fixed = isinstance(check.threshold, Fixed) and check.mark.kind is not Kind.FRAME
    return fixed and not BUILT_IN & set(_needed(check.wanted, fixtures))


def _needed(names: Iterable[str], fixtures: Mapping[str, Fixture]) -> Iterator[str]:
    for name in names:
        yield name
        if name in fixtures:
            yield from _needed(fixtures[name].wanted, fixtures)


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
