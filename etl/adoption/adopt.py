"""What `init` adds to the platform's schema, as far as its rows allow, and how that is taken away again.

By default only what cannot make another writer lose a row: indexes, and the unique key of the schedule once no row is
in its way. Everything else that can refuse a row is offered, with how many rows of today it would refuse. What was
added is kept in `quality.additions`: a constraint that stands there is expected, and put into force again where it
is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint, CreateIndex

from etl.adoption.catalogue import CatalogueTable, can_read, platform_tables, read_catalogue
from etl.tables import QUALITY, additions, metadata
from etl.words import number_of

BY_DEFAULT = frozenset({"unique_schedule_match"})
"""Constraints that `init` adds without being asked, for the import stands on them."""
REMEDIES = {
    "unique_schedule_match": "rally-health fix plan duplicate_match",
    "schedule_team_id_not_null": "rally-health fix plan match_without_teams",
}
"""The repair of the rows that stand in a constraint's way, where there is one."""


DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


INDEX = "index"


class AdditionState(StrEnum):
    """What becomes of something that the database lacks."""

    ADDED = "added"
    BLOCKED = "blocked"
    """Rows stand in the way, nothing is done."""
    UNVALIDATED = "unvalidated"
    """In force for every row that is written from now on; rows that were there break it."""
    OFFERED = "offered"
    """Only added when a person asks for it, since it can refuse a row that another program writes."""


@dataclass(frozen=True, slots=True)
class Addition:
    """An index or a constraint that the database lacks: what becomes of it, and the rows that break it."""

    table: str
    name: str
    kind: str
    state: AdditionState
    rows: int
    statements: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.table}.{self.name}"
        broken = number_of(self.rows, "rows")
        mend = f"{REMEDIES.get(self.name, 'repair these rows')}, then run `rally-health init` again"
        if self.state is AdditionState.ADDED:
            return f"{place}: {self.kind} added"
        if self.state is AdditionState.BLOCKED:
            return f"{place} is not in force because of {broken}; {mend}"
        if self.state is AdditionState.UNVALIDATED:
            return (
                f"{place} is in force for every INSERT and UPDATE from now on, whoever writes;"
                f" {broken} of today would break it when updated; {mend}"
            )
        return (
            f"{place} is not added: it would refuse rows that other programs write ({broken} of today would break it);"
            " `rally-health init --constraints` adds it"
        )


def plan_additions(
    connection: sa.Connection, catalogue: Mapping[str, CatalogueTable], *, constraints: bool = False
) -> tuple[Addition, ...]:
    """What the platform's tables lack, and what would become of it; nothing is changed.

    With `constraints`, those that are only offered are to be added as well.
    """
    wanted = {*BY_DEFAULT, *_recorded(connection)}
    tables = [metadata.tables[name] for name in platform_tables() if name in catalogue]
    lacking = [*(one for table in tables for one in _indexes(catalogue[table.name], table))]
    for table in tables:
        for constraint in _absent(catalogue[table.name], table):
            asked = constraints or str(constraint.name) in wanted
            lacking.append(_addition(connection, catalogue[table.name], constraint, asked=asked))
    return tuple(lacking)


def adopt(connection: sa.Connection, *, constraints: bool = False, indexes: bool = True) -> tuple[Addition, ...]:
    """Add what the platform's tables lack and may get, and tell what became of each; empty where nothing is missing.

    What was added is recorded. Without `indexes` only constraints are put into force.
    """
    before = read_catalogue(connection)
    planned = plan_additions(connection, before, constraints=constraints)
    for addition in planned:
        for statement in addition.statements if indexes or addition.kind != INDEX else ():
            connection.exec_driver_sql(statement.replace("%", "%%"))
    record(connection, before)
    return planned


def record(connection: sa.Connection, before: Mapping[str, CatalogueTable]) -> dict[str, CatalogueTable]:
    """Keep what the platform's schema has now and had not `before`, so that it can be taken away again.

    Gives the catalogue as it is now.
    """
    now = read_catalogue(connection)
    recorded = {(row.kind, row.table, row.name) for row in connection.execute(sa.select(additions))}
    rows = [
        {"kind": kind, "table": table, "name": name}
        for kind, table, name in _objects(now)
        if (kind, table, name) not in recorded and not _was_there(before, kind, table, name)
    ]
    if rows:
        connection.execute(sa.insert(additions), rows)
    return now


def _objects(catalogue: Mapping[str, CatalogueTable]) -> Iterator[tuple[str, str, str]]:
    for name in platform_tables():
        if name in catalogue:
            yield "table", name, name
            yield from (("constraint", name, own) for own in catalogue[name].constraints)
            behind = set(catalogue[name].constraints)
            yield from (("index", name, own) for own in catalogue[name].indexes if own not in behind)


def _was_there(before: Mapping[str, CatalogueTable], kind: str, table: str, name: str) -> bool:
    if table not in before:
        return False
    return kind == "table" or name in (before[table].constraints if kind == "constraint" else before[table].indexes)


def _recorded(connection: sa.Connection) -> set[str]:
    """Names of the constraints that were put into force once."""
    if not can_read(connection, QUALITY, additions.name):
        return set()
    return set(connection.scalars(sa.select(additions.c.name).where(additions.c.kind == "constraint")))


def _indexes(there: CatalogueTable, table: sa.Table) -> Iterator[Addition]:
    """Indexes of ours that no index of the table can stand in for."""
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        columns = tuple(column.name for column in index.columns)
        served = any(own.whole and own.columns[: len(columns)] == columns for own in there.indexes.values())
        if not served and set(columns) <= set(there.columns):
            yield Addition(table.name, str(index.name), INDEX, AdditionState.ADDED, 0, (_create(index),))


def _create(index: sa.Index) -> str:
    return str(CreateIndex(index).compile(dialect=DIALECT))


def _absent(there: CatalogueTable, table: sa.Table) -> Iterator[sa.Constraint]:
    """Constraints of ours that the table lacks, or has without ever having validated them."""
    for constraint in sorted(table.constraints, key=lambda one: str(one.name)):
        existing = there.constraints.get(str(constraint.name))
        if existing is not None and existing.validated:
            continue
        if isinstance(constraint, sa.CheckConstraint | sa.UniqueConstraint | sa.ForeignKeyConstraint):
            names = {column.name for column in constraint.columns}
            # a CHECK given as text names no columns
            if names <= set(there.columns) and (existing is not None or not _served(there, constraint, names)):
                yield constraint


def _served(there: CatalogueTable, constraint: sa.Constraint, names: set[str]) -> bool:
    """Whether another constraint says as much, or the platform has decided for a wider unique key."""
    if isinstance(constraint, sa.UniqueConstraint):
        return any(set(key) <= names or names < set(key) for key in there.unique_keys())
    if isinstance(constraint, sa.ForeignKeyConstraint):
        return any(own.kind == "f" and set(own.columns) == names for own in there.constraints.values())
    return False


def _addition(connection: sa.Connection, there: CatalogueTable, constraint: sa.Constraint, *, asked: bool) -> Addition:
    name, table = str(constraint.name), str(constraint.table)
    kind = {sa.UniqueConstraint: "unique key", sa.CheckConstraint: "CHECK"}.get(type(constraint), "foreign key")
    rows, there_already = _violations(connection, constraint), name in there.constraints
    statement = str(AddConstraint(constraint, isolate_from_table=False).compile(dialect=DIALECT))
    if there_already:
        state, statement = (
            AdditionState.UNVALIDATED,
            "" if rows else f'alter table {table} validate constraint "{name}"',
        )
    elif not asked:
        state, statement = AdditionState.OFFERED, ""
    elif _can_wait(connection, there, constraint):
        state, statement = AdditionState.UNVALIDATED, f"{statement} NOT VALID" if rows else statement
    else:
        state, statement = AdditionState.BLOCKED, "" if rows else statement
    if statement and not rows:
        state = AdditionState.ADDED
    return Addition(table, name, kind, state, rows, (statement,) if statement else ())


def _can_wait(connection: sa.Connection, there: CatalogueTable, constraint: sa.Constraint) -> bool:
    """Whether it can be added NOT VALID; before PostgreSQL 18 a table with partitions takes no such foreign key."""
    modern = (connection.dialect.server_version_info or ()) >= (18,)
    foreign_key = isinstance(constraint, sa.ForeignKeyConstraint) and (modern or there.kind != "p")
    return isinstance(constraint, sa.CheckConstraint) or foreign_key


def _violations(connection: sa.Connection, constraint: sa.Constraint) -> int:
    """How many rows break a constraint; of copies of one key all but one."""
    if isinstance(constraint, sa.UniqueConstraint):
        return _copies(connection, constraint)
    if isinstance(constraint, sa.CheckConstraint):
        bad: sa.ColumnElement[bool] = sa.literal_column(f"not ({constraint.sqltext})", sa.Boolean)
    else:
        assert isinstance(constraint, sa.ForeignKeyConstraint)  # noqa: S101 - no other kind comes here
        column, target = constraint.elements[0].parent, constraint.elements[0].column
        parent = target.table.alias("parent")
        bad = column.is_not(None) & ~sa.exists().where(parent.c[target.name] == column)
    return connection.execute(sa.select(sa.func.count()).select_from(constraint.table).where(bad)).scalar_one()


def _copies(connection: sa.Connection, constraint: sa.UniqueConstraint) -> int:
    keys = list(constraint.columns)
    copies = (
        sa.select((sa.func.count() - 1).label("extra"))
        .where(sa.and_(*(key.is_not(None) for key in keys)))
        .group_by(*keys)
        .having(sa.func.count() > 1)
        .subquery()
    )
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(copies.c.extra), 0))).scalar_one())


def remove_additions(connection: sa.Connection) -> tuple[str, ...]:
    """Take away what `record` kept, and tell what stays: tables of ours that hold rows, with all that belongs to them.

    Nothing that holds a row is dropped.
    """
    there = read_catalogue(connection)
    rows = connection.execute(sa.select(additions).order_by(additions.c.id))
    noted = [(row.kind, row.table, row.name) for row in rows]
    tables = [name for kind, name, _ in noted if kind == "table" and name in there]
    filled = [
        name
        for name in tables
        if connection.scalar(sa.select(sa.exists(sa.select(1).select_from(metadata.tables[name]))))
    ]
    if filled:
        return tuple(f"table {name} stays, with its constraints and indexes" for name in tables)
    if tables:
        _drop(connection, f"table {', '.join(map(_quoted, reversed(tables)))}")
    for kind, table, name in noted:
        if table in there and table not in tables:
            if kind == "constraint" and name in there[table].constraints:
                connection.exec_driver_sql(f"alter table public.{_quoted(table)} drop constraint {_quoted(name)}")
            elif kind == "index" and name in there[table].indexes:
                _drop(connection, f"index {_quoted(name)}")
    return ()


def _drop(connection: sa.Connection, what: str) -> None:
    connection.exec_driver_sql(f"drop {what}".replace("%", "%%"))


def _quoted(name: str) -> str:
    return DIALECT.identifier_preparer.quote(name)
