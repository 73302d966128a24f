"""The difference between a table and a snapshot of it, told and written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Integer, cast, exists, func, or_, select

from etl.repairs import sequences
from etl.repairs.copies import NOTHING, Copies
from etl.repairs.shape import Shape

EXAMPLES = 5


class Rows(StrEnum):
    """What becomes of rows that were written since a snapshot."""

    REFUSE = "refuse"
    KEEP = "keep"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Difference:
    """How a table differs from a snapshot: rows written since (with some ids), changed since, and missing now."""

    table: str
    newer: int
    changed: int
    missing: int
    examples: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.newer or self.changed or self.missing)

    def __str__(self) -> str:
        told = (("written since", self.newer), ("changed since", self.changed), ("missing", self.missing))
        return f"{self.table}: " + (", ".join(f"{count:,} {what}" for what, count in told if count) or "the same")


def compare(connection: Connection, live: Shape, then: Shape) -> Difference:
    """What differs between a table and what a snapshot holds of it."""
    row, old = live.table, then.table
    newer, missing = select(row.c.id).where(_only_in(live, then)), select(old.c.id).where(_only_in(then, live))
    changed = select(func.count()).select_from(row.join(old, old.c.id == row.c.id)).where(_differs(live, then))
    counts = [connection.scalar(select(func.count()).select_from(one.subquery())) or 0 for one in (newer, missing)]
    examples = connection.scalars(newer.order_by(row.c.id).limit(EXAMPLES)) if counts[0] else ()
    return Difference(live.label, counts[0], connection.scalar(changed) or 0, counts[1], tuple(examples))


def write_back(copies: Copies, live: Shape, then: Shape, newer: Rows) -> None:
    """Make a table what the snapshot holds; every row is kept before it is changed."""
    row, old = live.table, then.table
    if newer is Rows.DISCARD:
        copies.step += 1
        rows = select(row).where(_only_in(live, then)).subquery()
        copies.keep(live, "delete", rows, NOTHING, copies.step)
        copies.remove(live, copies.step)
    changed = select(old).join(row, row.c.id == old.c.id).where(_differs(live, then))
    copies.change(live, changed.subquery())
    copies.add(live, select(old).where(_only_in(then, live)).order_by(old.c.id))


def advance(copies: Copies, live: Shape) -> None:
    """Let the table's sequence go on behind its rows, where ids came back that it has never given."""
    highest = copies.connection.scalar(select(func.max(cast(live.table.c.id, Integer)))) or 0
    for name in sequences.names_of(copies.connection, live):
        before = sequences.state(copies.connection, name)
        if before["last_value"] < highest:
            after = {"last_value": highest, "is_called": True}
            sequences.restart(copies.connection, name, after)
            copies.step += 1
            copies.put("sequence", name, {"sequence": name}, before, after)


def _only_in(one: Shape, other: Shape) -> ColumnElement[bool]:
    return ~exists().where(other.table.c.id == one.table.c.id)


def _differs(live: Shape, then: Shape) -> ColumnElement[bool]:
    names = live.written(then.types)
    return or_(*(live.table.c[name].is_distinct_from(then.table.c[name]) for name in names))
