"""Staging tables, in which a feed's rows become the plan of what is written, and the statements that publishers share.

Rows come in by COPY, and every later step is a statement over them: compare, update what differs, insert what is new,
pair what is new with what vanished. The tables are temporary and die with the transaction, so nothing is left of an
import that did not publish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from etl.importing.copy_writer import Columns, Keys, columns_of, copy_columns

_metadata = sa.MetaData()
_SQL: Mapping[type, type[TypeEngine[Any]]] = {
    str: sa.Text,
    int: sa.Integer,
    Decimal: sa.Numeric,
    date: sa.Date,
    time: sa.Time,
}
_DIGITS = 100


def swappable(one: str, other: str) -> str:
    """SQL of two values in an order of their own, so that home and away can be swapped; NULL when one is unknown."""
    ordered = f"least({one}, {other}) || '|' || greatest({one}, {other})"
    return f"case when {one} is not null and {other} is not null then {ordered} end"


def temporary(name: str, *columns: sa.Column[Any], **computed: str) -> sa.Table:
    """A temporary table that dies with its transaction.

    `computed` are texts, in SQL of its columns, that rows are paired by; nothing of them is stored.
    """
    return sa.Table(
        name, _metadata, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP", info={"computed": computed}
    )


def stage_table(name: str, record: type[Any]) -> sa.Table:
    """The staging table of a record: a column for each of its fields."""
    hints = get_type_hints(record)
    return temporary(name, *(sa.Column(field, _SQL[_plain(hint)]) for field, hint in hints.items()))


def copied(target: sa.Table, *names: str) -> list[sa.Column[Any]]:
    """Columns with the names and types of a target's, without its constraints and without a limit of size.

    What the table really holds is asked before a value is written to it.
    """
    return [sa.Column(name, _unlimited(target.c[name].type)) for name in names]


def _unlimited(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, sa.Numeric):
        return sa.Numeric(_DIGITS, kind.scale)
    return sa.Text() if isinstance(kind, sa.String) else kind


def ids(*names: str) -> list[sa.Column[Any]]:
    """Integer columns."""
    return [sa.Column(name, sa.Integer) for name in names]


def texts(*names: str) -> list[sa.Column[Any]]:
    """Text columns."""
    return [sa.Column(name, sa.Text) for name in names]


def shared_columns(stage: sa.Table, target: sa.Table) -> tuple[str, ...]:
    """Names that a staging table and its target both have, ids aside: what a feed says as it stands in the table."""
    return tuple(column.name for column in stage.columns if column.name in target.c and column.name != "id")


def _plain(hint: Any) -> type:
    """The Python type behind an annotation of sa.text, a number, a day or a time, None left aside."""
    if isinstance(hint, type):
        return hint
    args = [arg for arg in get_args(hint) if arg is not type(None)]
    return type(args[0]) if get_origin(hint) is Literal else _plain(args[0])


name_links = temporary(
    "stage_links",
    *texts("league", "series", "name", "strategy", "reason"),
    *ids("team_id", "sides"),
    sa.Column("confidence", sa.Numeric),
)


def create_staging(connection: sa.Connection, *tables: sa.Table) -> None:
    """Create temporary tables for the rest of the transaction."""
    _metadata.create_all(connection, tables=tables, checkfirst=False)


@contextmanager
def taken_apart(connection: sa.Connection, stage: sa.Table) -> Iterator[Callable[[str | None], None]]:
    """Let a stage hold the rows of one league at a time: the function that is yielded stages those of its argument, and
    drops what was planned of those before.
    """
    connection.execute(sa.text(f"create temporary table whole on commit drop as table {stage.name}"))
    names = [column.name for column in stage.columns]
    whole = sa.table("whole", *map(sa.column, names))

    def take(league: str | None) -> None:
        drop_staging(connection, keep=stage)
        connection.execute(sa.text(f"truncate {stage.name}"))
        chosen = sa.select(*whole.c).where(whole.c.league.is_not_distinct_from(league))
        connection.execute(sa.insert(stage).from_select(names, chosen))
        analyze(connection, stage)

    yield take
    connection.execute(sa.text("drop table whole"))


def drop_staging(connection: sa.Connection, *, keep: sa.Table | None = None) -> None:
    """Drop all temporary tables of ours, but one to keep, as far as they exist."""
    names = ", ".join(table.name for table in _metadata.tables.values() if table is not keep)
    connection.execute(sa.text(f"drop table if exists {names}"))


def load_rows(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """COPY rows, each with a value for every column, and let the planner know; returns how many."""
    return load_columns(connection, table, [columns_of(rows)])


def load_columns(
    connection: sa.Connection, table: sa.Table, batches: Iterable[Columns], *, keys: Keys | None = None
) -> int:
    """The same for rows that come in batches, column by column."""
    count = copy_columns(connection, table, batches, keys=keys)
    analyze(connection, table)
    return count


def analyze(connection: sa.Connection, table: sa.Table) -> None:
    """Let the planner know what a temporary table holds; autovacuum never sees it.

    9,000 rows tell of a feed what 30,000 do, in a third of the time.
    """
    target = "set local default_statistics_target"
    connection.execute(sa.text(f"{target} = 30; analyze {table.name}; {target} to default"))


@contextmanager
def joining_by_hash(connection: sa.Connection) -> Iterator[None]:
    """Let a statement join whole feeds by hash, in up to 128 MB of the server's memory.

    The planner takes the columns of a key for independent, expects one row where there will be a million, and would
    look up each by itself.
    """
    connection.execute(sa.text("set local enable_nestloop = off; set local work_mem = '64MB'"))
    yield
    connection.execute(sa.text("set local enable_nestloop to default; set local work_mem to default"))


@contextmanager
def sorting_in_memory(connection: sa.Connection) -> Iterator[None]:
    """Let a statement sort what a feed adds without a file, in up to 128 MB of the server's memory: a million rows."""
    connection.execute(sa.text("set local work_mem = '128MB'"))
    yield
    connection.execute(sa.text("set local work_mem to default"))


def drop_identical(connection: sa.Connection, stage: sa.Table) -> int:
    """Delete staged rows that repeat an earlier one in every column but their index; returns how many went."""
    columns = [column for column in stage.columns if column.name != "index"]
    place = sa.func.row_number().over(partition_by=columns, order_by=stage.c.index).label("place")
    numbered = sa.select(stage.c.index, place).subquery()
    again = sa.select(numbered.c.index).where(numbered.c.place > 1)
    return connection.execute(sa.delete(stage).where(stage.c.index.in_(again))).rowcount


def differs(old: sa.FromClause, new: sa.FromClause, columns: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether any of the columns differs, NULL being a value like any other."""
    return sa.or_(sa.false(), *(old.c[name].is_distinct_from(new.c[name]) for name in columns))


def same_key(old: sa.FromClause, new: sa.FromClause, columns: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether all of the columns are equal; NULL equals nothing."""
    return sa.and_(*(old.c[name] == new.c[name] for name in columns))


def update_planned(
    connection: sa.Connection, target: sa.TableClause, plan: sa.FromClause, columns: Sequence[str]
) -> int:
    """Write the planned values over the rows that the plan names in `target_id`; returns how many."""
    values = {name: plan.c[name] for name in columns}
    return connection.execute(sa.update(target).where(target.c.id == plan.c.target_id).values(values)).rowcount


def drop_unchanged(connection: sa.Connection, target: sa.TableClause, plan: sa.Table, columns: Sequence[str]) -> int:
    """Take out of the plan what stands in its target row as it is; returns how many rows."""
    same = (plan.c.target_id == target.c.id) & ~differs(target, plan, columns)
    return connection.execute(sa.delete(plan).where(same)).rowcount


def withdraw(connection: sa.Connection, target: sa.Table, gone: sa.Table, *, prune: bool) -> int:
    """How many rows the feed has given up, by their ids in `gone`; with `prune` they are deleted."""
    if prune:
        return connection.execute(sa.delete(target).where(target.c.id == gone.c.id)).rowcount
    return int(connection.execute(sa.select(sa.func.count()).select_from(gone)).scalar_one())


def pair(connection: sa.Connection, plan: sa.Table, left: sa.Table, keys: Sequence[str], *, only: bool = False) -> None:
    """Let planned rows replace leftovers with the same keys: the first the first, the second the second, and so on.

    With `only`, a row is paired where it is the only one of its keys on either side.
    """
    if connection.execute(sa.select(left.c.id).limit(1)).first() is None:
        return
    new = _numbered(plan, plan.c.index, keys, plan.c.target_id.is_(None))
    old = _numbered(left, left.c.id, keys, left.c.id.is_not(None))
    same = sa.and_(*(new.c[key] == old.c[key] for key in keys), new.c.nth == old.c.nth, new.c.row == plan.c.index)
    if only:
        same &= (new.c.many == 1) & (old.c.many == 1)
    with joining_by_hash(connection):
        connection.execute(sa.update(plan).where(same).values(target_id=old.c.row))
        connection.execute(sa.delete(left).where(sa.exists().where(plan.c.target_id == left.c.id)))


def _numbered(
    table: sa.Table, row: sa.ColumnElement[int], keys: Sequence[str], where: sa.ColumnElement[bool]
) -> sa.Subquery:
    columns = [_compared(table, key) for key in keys]
    nth = sa.func.row_number().over(partition_by=columns, order_by=row).label("nth")
    many = sa.func.count().over(partition_by=columns).label("many")
    known = sa.and_(where, *(column.is_not(None) for column in columns))
    named = (column.label(key) for key, column in zip(keys, columns, strict=True))
    return sa.select(*named, row.label("row"), nth, many).where(known).subquery()


def _compared(table: sa.Table, key: str) -> sa.ColumnElement[Any]:
    """A column of a table, or what is computed of its columns under this name."""
    computed = table.info["computed"].get(key)
    return table.c[key] if computed is None else sa.literal_column(f"({computed})", sa.Text)
