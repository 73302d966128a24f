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
    one = sa.func.int8range(claimed.c.id, claimed.c.id, "[]")
    ranges = sa.select(sa.func.range_agg(one).label("ids"), sa.func.count(claimed.c.id).label("rows"))
    row = connection.execute(ranges.where(claimed.c.id.is_not(None))).one()
    if row.rows:
        known = upsert(provenance).values(table=table, ids=row.ids)
        both = provenance.c.ids.op("+")(known.excluded.ids)
        connection.execute(known.on_conflict_do_update(index_elements=["table"], set_={"ids": both}))
    return int(row.rows)


def keep_ours(connection: sa.Connection, table: sa.Table, gone: sa.Table) -> None:
    """Leave rows out of `gone` that no feed has brought: they are people's own, and cannot vanish from a feed."""
    own = sa.exists().where(table.c.id == gone.c.id, is_ours(table))
    connection.execute(sa.delete(gone).where(~own))
