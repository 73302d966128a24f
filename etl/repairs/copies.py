"""Copies in the ledger of what a repair is about to change. Changes are made from the copies, so that a row that was
not copied cannot be touched.
"""

from __future__ import annotations

from hashlib import md5
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from etl.repairs.documents import Restoring, document, steady
from etl.repairs.shape import Shape
from etl.tables import repair_rows

ROWS = repair_rows.c
COLUMNS = ["repair_id", "step", "table", "action", "key", "before", "after"]
NOTHING = cast(null(), JSONB)


class Copies:
    """The copies of one repair. `digest` stands for all that was changed: the same changes give the same text."""

    def __init__(self, connection: Connection, repair: int) -> None:
        self.connection = connection
        self.repair = repair
        self.step = 0
        self._seen = md5(usedforsecurity=False)
        steady(connection)

    @property
    def digest(self) -> str:
        """A text for the rows changed so far: as they were, and as they are to be."""
        return self._seen.hexdigest()

    def keep(self, shape: Shape, action: str, rows: Subquery, after: ColumnElement[Any], step: int) -> None:
        """Copy rows of a table before they are changed, with what is to become of them."""
        copies = select(
            literal(self.repair), literal(step), literal(shape.label), literal(action), shape.key_of(rows),
            shape.document(rows), after,
        ).order_by(shape.key_of(rows))  # fmt: skip
        self.connection.execute(insert(repair_rows).from_select(COLUMNS, copies))
        said = func.concat_ws("|", *(cast(ROWS[name], Text) for name in ("table", "action", "key", "before", "after")))
        lines = func.string_agg(func.md5(said), aggregate_order_by(literal("", Text), ROWS.id))
        self.note(step, self.connection.scalar(select(func.md5(lines)).where(self.of(step))))

    def remove(self, shape: Shape, step: int) -> None:
        """Delete the rows that were kept."""
        row = shape.table
        self.connection.execute(delete(row).where(self.of(step), shape.is_row(row, ROWS.key)))
        self.connection.execute(update(repair_rows).where(self.of(step)).values(after=NOTHING))

    def change(self, shape: Shape, new: FromClause) -> None:
        """Give rows the values of `new`, which has their `id`; rows that have them already are left alone."""
        self.step += 1
        row = shape.table
        names = shape.written(name for name in new.c.keys() if name != "id")  # noqa: SIM118 - no mapping
        values = {name: cast(new.c[name], row.c[name].type) for name in names}
        differs = or_(*(values[name].is_distinct_from(row.c[name]) for name in names))
        planned = shape.document(row).op("||")(document(values)).label("planned")
        rows = select(*row.c, planned).join(new, new.c.id == row.c.id).where(differs).subquery()
        self.keep(shape, "update", rows, rows.c.planned, self.step)
        mine = and_(self.of(self.step), shape.is_row(row, ROWS.key))
        self.connection.execute(update(row).where(mine).values({name: shape.value(ROWS.after, name) for name in names}))
        # a trigger or a generated column may have made something else of it
        self.connection.execute(update(repair_rows).where(mine).values(after=shape.document(row)))

    def add(self, shape: Shape, rows: Select[Any]) -> None:
        """Insert rows, and keep what they became."""
        self.step += 1
        row, source = shape.table, rows.subquery()
        names = shape.written(source.c.keys())
        typed = select(*(cast(source.c[name], row.c[name].type) for name in names))
        new = Restoring(row).from_select(names, typed).returning(*row.c).cte("added")
        copies = select(
            literal(self.repair), literal(self.step), literal(shape.label), literal("insert"), shape.key_of(new),
            NOTHING, shape.document(new),
        )  # fmt: skip
        self.connection.execute(insert(repair_rows).from_select(COLUMNS, copies))
        # ids and times of new rows differ each time, so only their number is noted
        self.note(self.step, self.connection.scalar(select(func.count()).where(self.of(self.step))))

    def put(self, action: str, table: str, key: dict[str, str], before: Any, after: Any) -> None:
        """Keep something that is no row, such as a constraint."""
        values = {"repair_id": self.repair, "step": self.step, "table": table, "action": action, "key": key}
        self.connection.execute(insert(repair_rows).values(values | {"before": before, "after": after}))

    def note(self, *what: object) -> None:
        """Take something into the digest."""
        self._seen.update(repr(what).encode())

    def of(self, step: int) -> ColumnElement[bool]:
        """The copies of one step."""
        return and_(ROWS.repair_id == self.repair, ROWS.step == step)
