"""The inverse of each action of a repair, from its copies."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from etl.repairs import constraints, sequences
from etl.repairs.copies import ROWS
from etl.repairs.documents import Restoring
from etl.repairs.references import require_unreferenced
from etl.repairs.shape import shape_of
from etl.tables import repair_rows


@dataclass(frozen=True, slots=True)
class Copied:
    """The copies of one table in one step of a repair."""

    repair: int
    step: int
    table: str

    def of(self, action: str) -> ColumnElement[bool]:
        """Those of one action."""
        mine = and_(ROWS.repair_id == self.repair, ROWS.step == self.step, ROWS.table == self.table)
        return mine & (ROWS.action == action)


def reverse(connection: Connection, copied: Copied, action: str) -> None:
    """Take back one action."""
    {
        "delete": _put_back, "update": _change_back, "insert": _take_out, "constraint": _redefine,
        "sequence": _rewind,
    }[action](connection, copied)  # fmt: skip


def _put_back(connection: Connection, copied: Copied) -> None:
    shape = shape_of(connection, copied.table)
    names = shape.written(shape.types)
    rows = select(*(shape.value(ROWS.before, name) for name in names)).where(copied.of("delete")).order_by(ROWS.id)
    connection.execute(Restoring(shape.table).from_select(names, rows))


def _change_back(connection: Connection, copied: Copied) -> None:
    """What was updated gets its old values; columns that came later keep theirs."""
    shape = shape_of(connection, copied.table)
    kept = select(func.jsonb_object_keys(ROWS.before)).where(copied.of("update")).distinct()
    names = [name for name in shape.written(connection.scalars(kept)) if name not in shape.key]
    values = {name: shape.value(ROWS.before, name) for name in names}
    mine = copied.of("update") & shape.is_row(shape.table, ROWS.key)
    connection.execute(update(shape.table).where(mine).values(values))


def _take_out(connection: Connection, copied: Copied) -> None:
    shape = shape_of(connection, copied.table)
    if "id" in shape.types:
        ids = select(shape.value(ROWS.key, "id")).where(copied.of("insert"))
        require_unreferenced(connection, shape, ids)
    connection.execute(delete(shape.table).where(copied.of("insert"), shape.is_row(shape.table, ROWS.key)))


def _redefine(connection: Connection, copied: Copied) -> None:
    own = select(ROWS.key, ROWS.before, ROWS.after).where(copied.of("constraint")).order_by(ROWS.id.desc())
    for row in connection.execute(own).all():
        constraints.put_back(connection, copied.table, row.key["constraint"], row.before, now=row.after is not None)


def _rewind(connection: Connection, copied: Copied) -> None:
    """Rewind a sequence, unless somebody has taken a number since."""
    own = select(repair_rows.c.before, repair_rows.c.after).where(copied.of("sequence"))
    for row in connection.execute(own).all():
        if sequences.state(connection, copied.table) == row.after:
            sequences.restart(connection, copied.table, row.before)
