"""Statements that every publisher shares: compare, update what differs, insert what is new."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, delete, func, insert, or_, select, update


def differs(old: FromClause, new: FromClause, columns: Sequence[str]) -> ColumnElement[bool]:
    """Whether any of the columns differs, NULL being a value like any other."""
    return or_(*(old.c[name].is_distinct_from(new.c[name]) for name in columns))


def same_key(old: FromClause, new: FromClause, columns: Sequence[str]) -> ColumnElement[bool]:
    """Whether all of the columns are equal; NULL equals nothing."""
    return and_(*(old.c[name] == new.c[name] for name in columns))


def update_planned(connection: Connection, target: Table, plan: FromClause, columns: Sequence[str]) -> int:
    """Write the planned values over the rows that the plan names in `target_id`; returns how many."""
    values = {name: plan.c[name] for name in columns}
    return connection.execute(update(target).where(target.c.id == plan.c.target_id).values(values)).rowcount


def insert_planned(
    connection: Connection, target: Table, plan: FromClause, columns: Sequence[str], order: Sequence[str]
) -> int:
    """Insert the planned rows that replace none and return how many; sorted, for unsorted writers deadlock."""
    new = select(*(plan.c[name] for name in columns)).where(plan.c.target_id.is_(None))
    rows = new.order_by(*(plan.c[name] for name in order))
    # without the option, rowcount of an INSERT is -1
    statement = insert(target).from_select(list(columns), rows).execution_options(preserve_rowcount=True)
    return connection.execute(statement).rowcount


def drop_unchanged(connection: Connection, target: Table, plan: Table, columns: Sequence[str]) -> int:
    """Take out of the plan what stands in its target row as it is; returns how many rows."""
    same = (plan.c.target_id == target.c.id) & ~differs(target, plan, columns)
    return connection.execute(delete(plan).where(same)).rowcount


def withdraw(connection: Connection, target: Table, gone: Table, *, prune: bool) -> int:
    """How many rows the feed has given up, by their ids in `gone`; with `prune` they are deleted."""
    if prune:
        return connection.execute(delete(target).where(target.c.id == gone.c.id)).rowcount
    return int(connection.execute(select(func.count()).select_from(gone)).scalar_one())
