"""Carries out the steps of a repair, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, cast, func, select

from etl.repairs import constraints, sequences
from etl.repairs.copies import NOTHING, ROWS, Copies
from etl.repairs.documents import document, first_of_each
from etl.repairs.errors import RepairError
from etl.repairs.references import Reference, references_to, require_unreferenced
from etl.repairs.shape import Shape, shape_of
from etl.repairs.steps import Adopt, Delete, Insert, Merge, Step, Update


def perform(connection: Connection, repair: int, steps: Iterable[Step]) -> str:
    """Carry out steps for a repair of the ledger; returns the digest of what was changed. Raises RepairError."""
    copies = Copies(connection, repair)
    for step in steps:
        _carry_out(copies, step)
    return copies.digest


def _carry_out(copies: Copies, step: Step) -> None:
    match step:
        case Delete():
            _delete(copies, step)
        case Update():
            own = step.rows.selected_columns.id
            copies.change(shape_of(copies.connection, step.table), first_of_each(step.rows, own, own))
        case Insert():
            _insert(copies, step)
        case Merge():
            _merge(copies, step)
        case Adopt():
            _adopt(copies)


def _delete(copies: Copies, step: Delete) -> None:
    shape = shape_of(copies.connection, step.table)
    row, meant = shape.table, step.rows.subquery()
    require_unreferenced(copies.connection, shape, select(meant.c[0]))
    copies.step += 1
    copies.keep(shape, "delete", select(row).where(row.c.id.in_(select(meant.c[0]))).subquery(), NOTHING, copies.step)
    copies.remove(shape, copies.step)


def _insert(copies: Copies, step: Insert) -> None:
    """Insert with sequences that take part in the transaction, so that undoing brings back their state too."""
    shape = shape_of(copies.connection, step.table)
    before = {name: sequences.held(copies.connection, name) for name in sequences.names_of(copies.connection, shape)}
    copies.step += bool(before)
    place = copies.step
    copies.add(shape, step.rows)
    last, copies.step = copies.step, place
    for name, state in before.items():
        copies.put("sequence", name, {"sequence": name}, state, sequences.state(copies.connection, name))
    copies.step = last


def _merge(copies: Copies, step: Merge) -> None:
    """Copy the rows that go, let what refers to them follow, then remove them."""
    shape = shape_of(copies.connection, step.table)
    row, pairs = shape.table, step.pairs.subquery("pairs")
    followers = references_to(copies.connection, shape)
    # undone first of all, so that what follows has something to refer to
    last = copies.step + len(followers) + 1
    going = select(*row.c, pairs.c.into.label("stays")).join(pairs, pairs.c.id == row.c.id)
    rows = first_of_each(going, row.c.id, pairs.c.into)
    copies.keep(shape, "delete", rows, document({"into": rows.c.stays}), last)
    _refuse_chains(copies, shape, last)
    for reference in followers:
        _follow(copies, reference, shape, last)
    require_unreferenced(copies.connection, shape, select(shape.value(ROWS.key, "id")).where(copies.of(last)))
    copies.step = last
    copies.remove(shape, last)


def _refuse_chains(copies: Copies, shape: Shape, step: int) -> None:
    stays = select(ROWS.after["into"].astext).where(copies.of(step))
    chained = select(func.count()).where(copies.of(step), ROWS.key["id"].astext.in_(stays))
    if copies.connection.scalar(chained):
        raise RepairError(f"rows of {shape.label} would be merged into rows that are to be removed themselves")


def _follow(copies: Copies, reference: Reference, merged: Shape, step: int) -> None:
    """Make a column refer to the rows that stay; a table without an id is left, and refused later if it refers."""
    row = reference.shape.table
    if reference.shape.key != ("id",):
        copies.step += 1
        return
    going = merged.value(ROWS.key, "id"), cast(ROWS.after["into"].astext, merged.table.c.id.type)
    gone = select(going[0].label("gone"), going[1].label("into")).where(copies.of(step)).subquery()
    new = select(row.c.id, gone.c.into.label(reference.column)).join(gone, gone.c.gone == row.c[reference.column])
    copies.change(reference.shape, new.subquery("new"))


def _adopt(copies: Copies) -> None:
    copies.step += 1
    for change in constraints.adopted(copies.connection):
        copies.put("constraint", change.table, {"constraint": change.name}, *change.documents)
        copies.note(change)
