"""Which rows feeds have brought or matched; all others are people's own, and never withdrawn or taken for another.

Ids come from sequences, so the rows of an import stand side by side: a table's are a few ranges, whatever its size.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from etl.tables import provenance

NONE = sa.cast("{}", INT8MULTIRANGE)


def is_ours(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a feed has brought or matched the row of a table."""
    # joined with nothing: the ranges are unpacked once, and not for each row
    ranges = sa.select(provenance.c.ids.op("+")(NONE)).where(provenance.c.table == table.name).scalar_subquery()
    return sa.cast(table.c.id, sa.BigInteger).op("<@")(sa.func.coalesce(ranges, NONE))


def claim(connection: sa.Connection, table: str, rows: sa.Select[Any] | ReturningInsert[Any]) -> int:
    """Remember that a feed has brought or matched rows of a table, given by their `id`; returns how many.

    Rows that are inserted are remembered in the statement that inserts them. An id that is NULL is none.
    """
    claimed = rows.cte("claimed")
    number, count = claimed.c.id, sa.func.count(claimed.c.id)
    first, last = sa.func.min(number), sa.func.max(number)
    ids: sa.ColumnElement[Any] = sa.func.range_agg(_range(number, number))
    if isinstance(rows, ReturningInsert):  # new ids differ: as many as from the first to the last are one range
        several = sa.select(ids).scalar_subquery()
        ids = sa.case((last - first + 1 == count, sa.func.int8multirange(_range(first, last))), else_=several)
    row = connection.execute(sa.select(ids.label("ids"), count.label("rows")).where(number.is_not(None))).one()
    if row.rows:
        known = upsert(provenance).values(table=table, ids=row.ids)
        both = provenance.c.ids.op("+")(known.excluded.ids)
        connection.execute(known.on_conflict_do_update(index_elements=["table"], set_={"ids": both}))
    return int(row.rows)


def _range(first: sa.ColumnElement[int], last: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
    return sa.func.int8range(first, last, "[]")


def keep_ours(connection: sa.Connection, table: sa.Table, gone: sa.Table) -> None:
    """Leave rows out of `gone` that no feed has brought: they are people's own, and cannot vanish from a feed."""
    own = sa.exists().where(table.c.id == gone.c.id, is_ours(table))
    connection.execute(sa.delete(gone).where(~own))
