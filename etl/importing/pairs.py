"""Pairs what is new in a feed with what vanished from it, so that one real thing stays one row.

A planned row without a target is new; a stored row that no planned row has taken is left over. Each pass compares them
by some columns, the surest first. NULL equals nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Subquery, Table, and_, delete, exists, func, select, update


def pair(connection: Connection, plan: Table, left: Table, keys: Sequence[str], *, only: bool = False) -> None:
    """Let planned rows replace leftovers with the same keys: the first the first, the second the second, and so on.

    With `only`, a row is paired where it is the only one of its keys on either side.
    """
    if connection.execute(select(left.c.id).limit(1)).first() is None:
        return
    new = _numbered(plan, plan.c.index, keys, plan.c.target_id.is_(None))
    old = _numbered(left, left.c.id, keys, left.c.id.is_not(None))
    same = and_(*(new.c[key] == old.c[key] for key in keys), new.c.nth == old.c.nth, new.c.row == plan.c.index)
    if only:
        same &= (new.c.many == 1) & (old.c.many == 1)
    connection.execute(update(plan).where(same).values(target_id=old.c.row))
    connection.execute(delete(left).where(exists().where(plan.c.target_id == left.c.id)))


def _numbered(table: Table, row: ColumnElement[int], keys: Sequence[str], where: ColumnElement[bool]) -> Subquery:
    columns = [table.c[key] for key in keys]
    nth = func.row_number().over(partition_by=columns, order_by=row).label("nth")
    many = func.count().over(partition_by=columns).label("many")
    known = and_(where, *(column.is_not(None) for column in columns))
    return select(*columns, row.label("row"), nth, many).where(known).subquery()
