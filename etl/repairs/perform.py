"""Carries out the steps of a repair, in the caller's transaction.

Rows are copied into the ledger first and changed from their copies, so that a row that was not copied cannot be
touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import md5
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from etl.repairs import Adopt, Delete, Insert, Merge, RepairError, Step, Update, constraints
from etl.repairs.constraints import Reference, references_to, require_unreferenced
from etl.repairs.ledger import CONSTRAINT
from etl.repairs.reflected_table import ReflectedTable, Restoring, document, first_of_each, reflect, steady
from etl.tables import repair_rows

ROWS = repair_rows.c
BACKUP_COLUMNS = ["repair_id", "step", "table", "action", "key", "before", "after"]
NOTHING = sa.cast(sa.null(), JSONB)


class RowBackup:
    """The copies of one repair. `digest` stands for all that was changed: the same changes give the same text."""

    def __init__(self, connection: sa.Connection, repair: int) -> None:
        self.connection = connection
        self.repair = repair
        self.step = 0
        self._seen = md5(usedforsecurity=False)
        steady(connection)

    @property
    def digest(self) -> str:
        """A text for the rows changed so far: as they were, and as they are to be."""
        return self._seen.hexdigest()

    def keep(
        self, shape: ReflectedTable, action: str, rows: sa.Subquery, after: sa.ColumnElement[Any], step: int
    ) -> None:
        """Copy rows of a table before they are changed, with what is to become of them."""
        copies = sa.select(
            sa.literal(self.repair), sa.literal(step), sa.literal(shape.label), sa.literal(action), shape.key_of(rows),
            shape.document(rows), after,
        ).order_by(shape.key_of(rows))  # fmt: skip
        self.connection.execute(sa.insert(repair_rows).from_select(BACKUP_COLUMNS, copies))
        said = sa.func.concat_ws(
            "|", *(sa.cast(ROWS[name], sa.Text) for name in ("table", "action", "key", "before", "after"))
        )
        lines = sa.func.string_agg(sa.func.md5(said), aggregate_order_by(sa.literal("", sa.Text), ROWS.id))
        self.note(step, self.connection.scalar(sa.select(sa.func.md5(lines)).where(self.of(step))))

    def remove(self, shape: ReflectedTable, step: int) -> None:
        """Delete the rows that were kept."""
        row = shape.table
        self.connection.execute(sa.delete(row).where(self.of(step), shape.is_row(row, ROWS.key)))
        self.connection.execute(sa.update(repair_rows).where(self.of(step)).values(after=NOTHING))

    def change(self, shape: ReflectedTable, new: sa.FromClause) -> None:
        """Give rows the values of `new`, which has their `id`; rows that have them already are left alone."""
        self.step += 1
        row = shape.table
        names = shape.written(name for name in new.c.keys() if name != "id")  # noqa: SIM118 - no mapping
        values = {name: sa.cast(new.c[name], row.c[name].type) for name in names}
        differs = sa.or_(*(values[name].is_distinct_from(row.c[name]) for name in names))
        planned = shape.document(row).op("||")(document(values)).label("planned")
        rows = sa.select(*row.c, planned).join(new, new.c.id == row.c.id).where(differs).subquery()
        self.keep(shape, "update", rows, rows.c.planned, self.step)
        mine = sa.and_(self.of(self.step), shape.is_row(row, ROWS.key))
        self.connection.execute(
            sa.update(row).where(mine).values({name: shape.value(ROWS.after, name) for name in names})
        )
        # a trigger or a generated column may have made something else of it
        self.connection.execute(sa.update(repair_rows).where(mine).values(after=shape.document(row)))

    def add(self, shape: ReflectedTable, rows: sa.Select[Any]) -> None:
        """Insert rows, and keep what they became."""
        self.step += 1
        row, source = shape.table, rows.subquery()
        names = shape.written(source.c.keys())
        typed = sa.select(*(sa.cast(source.c[name], row.c[name].type) for name in names))
        new = Restoring(row).from_select(names, typed).returning(*row.c).cte("added")
        copies = sa.select(
            sa.literal(self.repair), sa.literal(self.step), sa.literal(shape.label), sa.literal("insert"),
            shape.key_of(new), NOTHING, shape.document(new),
        )  # fmt: skip
        self.connection.execute(sa.insert(repair_rows).from_select(BACKUP_COLUMNS, copies))
        # ids and times of new rows differ each time, so only their number is noted
        self.note(self.step, self.connection.scalar(sa.select(sa.func.count()).where(self.of(self.step))))

    def put(self, action: str, table: str, key: dict[str, str], before: Any, after: Any) -> None:
        """Keep something that is no row, such as a constraint."""
        values = {"repair_id": self.repair, "step": self.step, "table": table, "action": action, "key": key}
        self.connection.execute(sa.insert(repair_rows).values(values | {"before": before, "after": after}))

    def note(self, *what: object) -> None:
        """Take something into the digest."""
        self._seen.update(repr(what).encode())

    def of(self, step: int) -> sa.ColumnElement[bool]:
        """The copies of one step."""
        return sa.and_(ROWS.repair_id == self.repair, ROWS.step == step)


def perform(connection: sa.Connection, repair: int, steps: Iterable[Step]) -> str:
    """Carry out steps for a repair of the ledger; returns the digest of what was changed. Raises RepairError."""
    copies = RowBackup(connection, repair)
    for step in steps:
        _carry_out(copies, step)
    return copies.digest


def _carry_out(copies: RowBackup, step: Step) -> None:
    match step:
        case Delete():
            _delete(copies, step)
        case Update():
            own = step.rows.selected_columns.id
            copies.change(reflect(copies.connection, step.table), first_of_each(step.rows, own, own))
        case Insert():
            _insert(copies, step)
        case Merge():
            _merge(copies, step)
        case Adopt():
            _adopt(copies)


def _delete(copies: RowBackup, step: Delete) -> None:
    shape = reflect(copies.connection, step.table)
    row, meant = shape.table, step.rows.subquery()
    require_unreferenced(copies.connection, shape, sa.select(meant.c[0]))
    copies.step += 1
    copies.keep(
        shape, "delete", sa.select(row).where(row.c.id.in_(sa.select(meant.c[0]))).subquery(), NOTHING, copies.step
    )
    copies.remove(shape, copies.step)


def _insert(copies: RowBackup, step: Insert) -> None:
    """Insert with sequences that take part in the transaction, so that undoing brings back their state too."""
    shape = reflect(copies.connection, step.table)
    before = {
        name: constraints.held(copies.connection, name) for name in constraints.names_of(copies.connection, shape)
    }
    copies.step += bool(before)
    place = copies.step
    copies.add(shape, step.rows)
    last, copies.step = copies.step, place
    for name, state in before.items():
        copies.put("sequence", name, {"sequence": name}, state, constraints.state(copies.connection, name))
    copies.step = last


def _merge(copies: RowBackup, step: Merge) -> None:
    """Copy the rows that go, let what refers to them follow, then remove them."""
    shape = reflect(copies.connection, step.table)
    row, pairs = shape.table, step.pairs.subquery("pairs")
    followers = references_to(copies.connection, shape)
    # undone first of all, so that what follows has something to refer to
    last = copies.step + len(followers) + 1
    going = sa.select(*row.c, pairs.c.into.label("stays")).join(pairs, pairs.c.id == row.c.id)
    rows = first_of_each(going, row.c.id, pairs.c.into)
    copies.keep(shape, "delete", rows, document({"into": rows.c.stays}), last)
    _refuse_chains(copies, shape, last)
    for reference in followers:
        _follow(copies, reference, shape, last)
    require_unreferenced(copies.connection, shape, sa.select(shape.value(ROWS.key, "id")).where(copies.of(last)))
    copies.step = last
    copies.remove(shape, last)


def _refuse_chains(copies: RowBackup, shape: ReflectedTable, step: int) -> None:
    stays = sa.select(ROWS.after["into"].astext).where(copies.of(step))
    chained = sa.select(sa.func.count()).where(copies.of(step), ROWS.key["id"].astext.in_(stays))
    if copies.connection.scalar(chained):
        raise RepairError(f"rows of {shape.label} would be merged into rows that are to be removed themselves")


def _follow(copies: RowBackup, reference: Reference, merged: ReflectedTable, step: int) -> None:
    """Make a column refer to the rows that stay; a table without an id is left, and refused later if it refers."""
    row = reference.shape.table
    if reference.shape.key != ("id",):
        copies.step += 1
        return
    going = merged.value(ROWS.key, "id"), sa.cast(ROWS.after["into"].astext, merged.table.c.id.type)
    gone = sa.select(going[0].label("gone"), going[1].label("into")).where(copies.of(step)).subquery()
    new = sa.select(row.c.id, gone.c.into.label(reference.column)).join(gone, gone.c.gone == row.c[reference.column])
    copies.change(reference.shape, new.subquery("new"))


def _adopt(copies: RowBackup) -> None:
    copies.step += 1
    for change in constraints.adopted(copies.connection):
        copies.put(CONSTRAINT, change.table, {"constraint": change.name}, *change.documents)
        copies.note(change)
