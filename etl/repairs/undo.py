"""Takes a repair back: every row becomes what its copy says, or nothing happens.

What was changed since the repair would be lost by that, so it is looked for first, and named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from etl.database import describe_error
from etl.repairs import RepairError, UndoConflict, constraints, ledger
from etl.repairs.constraints import beside_foreign_keys, require_unreferenced, without_triggers
from etl.repairs.ledger import CONSTRAINT, Repair, State
from etl.repairs.perform import ROWS
from etl.repairs.reflected_table import ReflectedTable, Restoring, find_table, first_of_each, reflect, steady
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
        return " ".join(filter(None, (self.table.removeprefix("public."), self.key, self.what))) + who


def conflicts(connection: Connection, repair: int) -> list[Conflict]:
    """Every row that is not any more what the repair made of it."""
    mine = ROWS.repair_id == repair
    tables = connection.scalars(select(ROWS.table).where(mine, ROWS.action.in_(_ROWS)).distinct().order_by(ROWS.table))
    found = [conflict for label in tables.all() for conflict in _of_table(connection, repair, label)]
    return [*found, *_of_constraints(connection, repair)]


_ROWS = ("delete", "update", "insert")


def _of_table(connection: Connection, repair: int, label: str) -> Iterator[Conflict]:
    shape = find_table(connection, label)
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


def _named(key: dict[str, str], shape: ReflectedTable) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items()) if shape.key else "(a table without a key)"


def _what(after: dict[str, Any] | None, current: dict[str, Any] | None) -> str:
    if after is None:
        return "is there again"
    if current is None:
        return "was deleted since"
    changed = sorted(name for name, value in after.items() if current.get(name, ...) != value)
    return f"was changed since ({', '.join(changed)})"


def _of_constraints(connection: Connection, repair: int) -> Iterator[Conflict]:
    own = select(ROWS.table, ROWS.key, ROWS.after).where(ROWS.repair_id == repair, ROWS.action == CONSTRAINT)
    for label, key, after in connection.execute(own.order_by(ROWS.id)).all():
        name = key["constraint"]
        now = constraints.definitions(connection, [label.removeprefix("public.")]).get((label, name))
        if now != (after["definition"] if after else None):
            yield Conflict(label, f"constraint {name}", "was changed since")


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
        "delete": _put_back, "update": _change_back, "insert": _take_out, CONSTRAINT: _redefine,
        "sequence": _rewind,
    }[action](connection, copied)  # fmt: skip


def _put_back(connection: Connection, copied: Copied) -> None:
    shape = reflect(connection, copied.table)
    names = shape.written(shape.types)
    rows = select(*(shape.value(ROWS.before, name) for name in names)).where(copied.of("delete")).order_by(ROWS.id)
    connection.execute(Restoring(shape.table).from_select(names, rows))


def _change_back(connection: Connection, copied: Copied) -> None:
    """What was updated gets its old values; columns that came later keep theirs."""
    shape = reflect(connection, copied.table)
    kept = select(func.jsonb_object_keys(ROWS.before)).where(copied.of("update")).distinct()
    names = [name for name in shape.written(connection.scalars(kept)) if name not in shape.key]
    values = {name: shape.value(ROWS.before, name) for name in names}
    mine = copied.of("update") & shape.is_row(shape.table, ROWS.key)
    connection.execute(update(shape.table).where(mine).values(values))


def _take_out(connection: Connection, copied: Copied) -> None:
    shape = reflect(connection, copied.table)
    if "id" in shape.types:
        ids = select(shape.value(ROWS.key, "id")).where(copied.of("insert"))
        require_unreferenced(connection, shape, ids)
    connection.execute(delete(shape.table).where(copied.of("insert"), shape.is_row(shape.table, ROWS.key)))


def _redefine(connection: Connection, copied: Copied) -> None:
    own = select(ROWS.key, ROWS.before, ROWS.after).where(copied.of(CONSTRAINT)).order_by(ROWS.id.desc())
    for row in connection.execute(own).all():
        constraints.put_back(connection, copied.table, row.key["constraint"], row.before, now=row.after is not None)


def _rewind(connection: Connection, copied: Copied) -> None:
    """Rewind a sequence, unless somebody has taken a number since."""
    own = select(repair_rows.c.before, repair_rows.c.after).where(copied.of("sequence"))
    for row in connection.execute(own).all():
        if constraints.state(connection, copied.table) == row.after:
            constraints.restart(connection, copied.table, row.before)


TOLD = 10
"""Conflicts that a message names one by one."""
RESTORE = "restore"
"""The kind of a repair whose rows may refer to each other in any order."""


def undo(connection: Connection, repair: int, who: str) -> Repair:
    """Take a repair back, in the caller's transaction; one that is undone already stays so.

    Raises UndoConflict where rows were changed since, naming them, and RepairError for a plan that was never applied.
    """
    applied = ledger.find_repair(connection, repair, lock=True)
    if applied.state is State.UNDONE:
        return applied
    if applied.state is State.FORGOTTEN:
        raise RepairError(
            f"repair {repair} cannot be undone any more: the copies of its rows are older than RALLY_KEEP_ROWS days and"
            f" were deleted; a snapshot may have them{f': {applied.snapshot}' if applied.snapshot else ''}"
        )
    if applied.state is not State.APPLIED:
        raise RepairError(f"plan {repair} was never applied: there is nothing to undo")
    steady(connection)
    _refuse_conflicts(connection, repair)
    try:
        _reverse(connection, applied)
    except IntegrityError as error:
        raise UndoConflict(
            f"repair {repair} cannot be undone, what came later stands in the way: {describe_error(error)}"
            "; undo the repairs after it first, the newest first"
        ) from None
    return ledger.note(connection, repair, state=State.UNDONE.value, undone_by=who, undone_at=func.clock_timestamp())


def _refuse_conflicts(connection: Connection, repair: int) -> None:
    changed = conflicts(connection, repair)
    if changed:
        more = f"; and {len(changed) - TOLD:,} more" if len(changed) > TOLD else ""
        named = "; ".join(map(str, changed[:TOLD]))
        raise UndoConflict(f"repair {repair} cannot be undone without losing later changes: {named}{more}")


def _reverse(connection: Connection, repair: Repair) -> None:
    steps = select(ROWS.step, ROWS.table, ROWS.action).where(ROWS.repair_id == repair.id).distinct()
    written = connection.execute(steps.order_by(ROWS.step.desc(), ROWS.action, ROWS.table)).all()
    tables = {one.table for one in written}

    def write() -> None:
        with without_triggers(connection, tables):
            for step, label, action in written:
                reverse(connection, Copied(repair.id, step, label), action)

    beside_foreign_keys(connection, tables, write, lambda label: ids_of(connection, repair.id, label, "insert"))


def ids_of(connection: Connection, repair: int, label: str, action: str) -> Select[Any]:
    """The ids of the rows of a table that a repair removed, added or changed."""
    shape = reflect(connection, label)
    mine = and_(ROWS.repair_id == repair, ROWS.table == label, ROWS.action == action)
    return select(shape.value(ROWS.key, "id")).where(mine)
