"""Gives an existing Rally database the columns and constraints that ours has, as far as its rows allow.

Nothing is deleted or rewritten. A CHECK or a foreign key is added NOT VALID at once, so that new rows keep to it, and
validated when the old rows do; a unique key needs clean rows first. What stands in the way is an `Obstacle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, CreateColumn

from etl.tables import QUALITY, metadata


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A constraint that rows stand in the way of: how many, and what would help."""

    table: str
    constraint: str
    rows: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.table}.{self.constraint} is not in force: {self.rows:,} rows stand in the way; {self.remedy}"


def adopt(connection: sa.Connection) -> tuple[Obstacle, ...]:
    """Add what the platform's tables lack and return the obstacles; empty for a clean database."""
    return tuple(
        obstacle
        for table in metadata.sorted_tables
        if table.schema != QUALITY
        for obstacle in _adopt_table(connection, table)
    )


def _adopt_table(connection: sa.Connection, table: sa.Table) -> Iterable[Obstacle]:
    _add_missing_columns(connection, table)
    states = _states(connection, table)
    for constraint in sorted(table.constraints, key=lambda one: str(one.name)):
        if isinstance(constraint, sa.UniqueConstraint) and not _has_unique(connection, constraint):
            yield from _add_unique(connection, constraint)
        elif isinstance(constraint, sa.CheckConstraint | sa.ForeignKeyConstraint):
            yield from _add_check(connection, constraint, states)


def _add_missing_columns(connection: sa.Connection, table: sa.Table) -> None:
    present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            loose = column._copy()
            loose.nullable = True
            definition = CreateColumn(loose).compile(dialect=connection.dialect)
            connection.execute(sa.text(f"alter table {table.name} add column {definition}"))


def _states(connection: sa.Connection, table: sa.Table) -> dict[str, bool]:
    """Names of the table's constraints, and whether each is validated."""
    rows = connection.execute(
        sa.text("select conname, convalidated from pg_constraint where conrelid = to_regclass(:name)"),
        {"name": f"public.{table.name}"},
    )
    return {row.conname: row.convalidated for row in rows}


def _has_unique(connection: sa.Connection, constraint: sa.UniqueConstraint) -> bool:
    wanted = {column.name for column in constraint.columns}
    found = sa.inspect(connection)
    table = constraint.table.name
    columns = [key["column_names"] for key in found.get_unique_constraints(table)]
    columns += [found.get_pk_constraint(table)["constrained_columns"]]
    columns += [[str(name) for name in index["column_names"]] for index in found.get_indexes(table) if index["unique"]]
    return any(set(names) == wanted for names in columns)


def _add_unique(connection: sa.Connection, constraint: sa.UniqueConstraint) -> Iterable[Obstacle]:
    keys = list(constraint.columns)
    copies = (
        sa.select((sa.func.count() - 1).label("extra"))
        .where(sa.and_(*(key.is_not(None) for key in keys)))
        .group_by(*keys)
        .having(sa.func.count() > 1)
        .subquery()
    )
    extra = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(copies.c.extra), 0))).scalar_one()
    if extra:
        yield _obstacle(constraint, int(extra), "remove the surplus copies, then run `rally-health init` again")
    else:
        connection.execute(AddConstraint(constraint, isolate_from_table=False))


def _add_check(
    connection: sa.Connection, constraint: sa.CheckConstraint | sa.ForeignKeyConstraint, states: dict[str, bool]
) -> Iterable[Obstacle]:
    name = str(constraint.name)
    if (
        isinstance(constraint, sa.ForeignKeyConstraint)
        and name not in states
        and _has_foreign_key(connection, constraint)
    ):
        return
    if name not in states and not _can_wait(connection, constraint):
        yield from _add_at_once(connection, constraint)
        return
    if name not in states:
        ddl = AddConstraint(constraint, isolate_from_table=False).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"{ddl} NOT VALID")
    if states.get(name):
        return
    bad = _violations(connection, constraint)
    if bad:
        yield _obstacle(constraint, bad, "repair these rows, then run `rally-health init` again")
    else:
        connection.execute(sa.text(f'alter table {constraint.table.name} validate constraint "{name}"'))


def _can_wait(connection: sa.Connection, constraint: sa.CheckConstraint | sa.ForeignKeyConstraint) -> bool:
    """Whether the constraint can be added NOT VALID: before PostgreSQL 18 no foreign key of a table with partitions."""
    if isinstance(constraint, sa.CheckConstraint) or (connection.dialect.server_version_info or ()) >= (18,):
        return True
    kind = sa.text("select relkind = 'p' from pg_class where oid = to_regclass(:name)")
    return not connection.scalar(kind, {"name": f"public.{constraint.table.name}"})


def _add_at_once(
    connection: sa.Connection, constraint: sa.CheckConstraint | sa.ForeignKeyConstraint
) -> Iterable[Obstacle]:
    bad = _violations(connection, constraint)
    if bad:
        yield _obstacle(constraint, bad, "repair these rows, then run `rally-health init` again")
    else:
        connection.execute(AddConstraint(constraint, isolate_from_table=False))


def _has_foreign_key(connection: sa.Connection, constraint: sa.ForeignKeyConstraint) -> bool:
    found = sa.inspect(connection).get_foreign_keys(constraint.table.name)
    return any(key["constrained_columns"] == list(constraint.column_keys) for key in found)


def _violations(connection: sa.Connection, constraint: sa.CheckConstraint | sa.ForeignKeyConstraint) -> int:
    table = constraint.table
    if isinstance(constraint, sa.CheckConstraint):
        bad: sa.ColumnElement[bool] = sa.literal_column(f"not ({constraint.sqltext})", sa.Boolean)
    else:
        column, target = constraint.elements[0].parent, constraint.elements[0].column
        parent = target.table.alias("parent")
        bad = column.is_not(None) & ~sa.exists().where(parent.c[target.name] == column)
    return connection.execute(sa.select(sa.func.count()).select_from(table).where(bad)).scalar_one()


def _obstacle(constraint: sa.Constraint, rows: int, remedy: str) -> Obstacle:
    return Obstacle(str(constraint.table), str(constraint.name), rows, remedy)
