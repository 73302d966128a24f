"""Rows that were worked out in Python, for statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Integer, Select, Subquery, column, func, literal, select


def ids(rows: Sequence[tuple[int | None, ...]], *names: str) -> Select[Any]:
    """Rows of ids under these names; one array per column, since a statement takes 65,535 values at most."""
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in names]
    arrays = [literal(values, ARRAY(Integer)) for values in columns]
    table = func.unnest(*arrays).table_valued(*(column(name, Integer) for name in names), name="worked_out")
    return select(*table.render_derived().c)


def merged(rows: Subquery, keep: Any, key: Sequence[Any]) -> Select[Any]:
    """Pairs for a Merge: of rows with one key, all into the first in the order of `keep`."""
    first = func.first_value(rows.c.id).over(partition_by=list(key), order_by=list(keep)).label("into")
    pairs = select(rows.c.id, first).subquery()
    return select(pairs.c.id, pairs.c.into).where(pairs.c.id != pairs.c.into)
