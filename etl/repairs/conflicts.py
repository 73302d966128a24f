"""What was changed since a repair, so that taking it back would lose it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, func, or_, select

from etl.repairs import constraints
from etl.repairs.copies import ROWS
from etl.repairs.documents import first_of_each
from etl.repairs.ledger import State
from etl.repairs.shape import Shape, find_shape
from etl.tables import repair_rows, repairs

MOST = 10_000
"""Conflicts that are looked up; more are not told apart."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row, by its key, that is not what the repair left; `by` names later repairs that changed it."""

    table: str
    key: str
    what: str
    by: tuple[int, ...] = ()

    def __str__(self) -> str:
        who = f" by repair {', '.join(map(str, self.by))}, undo that first" if self.by else ""
        return f"{self.table.removeprefix('public.')} {self.key} {self.what}{who}"


def conflicts(connection: Connection, repair: int) -> list[Conflict]:
    """Every row that is not any more what the repair made of it."""
    mine = ROWS.repair_id == repair
    tables = connection.scalars(select(ROWS.table).where(mine, ROWS.action.in_(_ROWS)).distinct().order_by(ROWS.table))
    found = [conflict for label in tables.all() for conflict in _of_table(connection, repair, label)]
    return [*found, *_of_constraints(connection, repair)]


_ROWS = ("delete", "update", "insert")


def _of_table(connection: Connection, repair: int, label: str) -> Iterator[Conflict]:
    shape = find_shape(connection, label)
    if shape is None:
        yield Conflict(label, "", "does not exist any more")
        return
    row, left = shape.table, _last(repair, label)
    there = row.c[shape.key[0]].is_not(None) if shape.key else func.num_nonnulls(*row.c) > 0
    # "@>" and not "=": a column that was added since is nobody's loss
    same = func.coalesce(shape.document(row).contains(left.c.after), False)
    differs = or_(and_(left.c.after.is_(None), there), and_(left.c.after.is_not(None), or_(~there, ~same)))
    now = select(left.c.key, left.c.after, shape.document(row), there)
    found = now.outerjoin_from(left, row, shape.is_row(row, left.c.key)).where(differs).limit(MOST)
    for key, after, current, exists in connection.execute(found).all():
        by = _later(connection, repair, label, key)
        yield Conflict(label, _named(key, shape), _what(after, current if exists else None), by)


def _last(repair: int, label: str) -> Subquery:
    """What the repair left of each row in the end."""
    mine = and_(ROWS.repair_id == repair, ROWS.table == label, ROWS.action.in_(_ROWS))
    return first_of_each(select(ROWS.key, ROWS.after).where(mine), ROWS.key, ROWS.step.desc())


def _later(connection: Connection, repair: int, label: str, key: Any) -> tuple[int, ...]:
    applied: ColumnElement[bool] = (repairs.c.state == State.APPLIED.value) & (repairs.c.id != repair)
    mine = repair_rows.join(repairs, repairs.c.id == ROWS.repair_id)
    when = select(repairs.c.applied_at).where(repairs.c.id == repair).scalar_subquery()
    same = and_(ROWS.table == label, ROWS.key == key, applied, repairs.c.applied_at >= when)
    return tuple(connection.scalars(select(repairs.c.id).select_from(mine).where(same).distinct()))


def _named(key: dict[str, str], shape: Shape) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items()) if shape.key else "(a table without a key)"


def _what(after: dict[str, Any] | None, current: dict[str, Any] | None) -> str:
    if after is None:
        return "is there again"
    if current is None:
        return "was deleted since"
    changed = sorted(name for name, value in after.items() if current.get(name, ...) != value)
    return f"was changed since ({', '.join(changed)})"


def _of_constraints(connection: Connection, repair: int) -> Iterator[Conflict]:
    own = select(ROWS.table, ROWS.key, ROWS.after).where(ROWS.repair_id == repair, ROWS.action == "constraint")
    for label, key, after in connection.execute(own.order_by(ROWS.id)).all():
        name = key["constraint"]
        now = constraints.definitions(connection, [label.removeprefix("public.")]).get((label, name))
        if now != (after["definition"] if after else None):
            yield Conflict(label, f"constraint {name}", "was changed since")
