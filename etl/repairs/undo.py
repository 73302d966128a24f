"""Takes a repair back: every row becomes what its copy says, or nothing happens."""

from __future__ import annotations

from contextlib import ExitStack

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from etl.database import describe
from etl.repairs import ledger
from etl.repairs.conflicts import conflicts
from etl.repairs.copies import ROWS
from etl.repairs.documents import steady
from etl.repairs.errors import RepairError, UndoConflict
from etl.repairs.ledger import Repair, State
from etl.repairs.loose import without_foreign_keys, without_triggers
from etl.repairs.reverse import Copied, reverse

TOLD = 10
"""Conflicts that a message names one by one."""
RESTORE = "restore"
"""The kind of a repair whose rows may refer to each other in any order."""


def undo(connection: Connection, repair: int, who: str) -> Repair:
    """Take a repair back, in the caller's transaction; one that is undone already stays so.

    Raises UndoConflict where rows were changed since, naming them, and RepairError for a plan that was never applied.
    """
    known = ledger.find(connection, repair, lock=True)
    if known.state is State.UNDONE:
        return known
    if known.state is State.FORGOTTEN:
        raise RepairError(
            f"repair {repair} cannot be undone any more: the copies of its rows are older than RALLY_KEEP_ROWS days and"
            f" were deleted; a snapshot may have them{f': {known.snapshot}' if known.snapshot else ''}"
        )
    if known.state is not State.APPLIED:
        raise RepairError(f"plan {repair} was never applied: there is nothing to undo")
    steady(connection)
    _refuse_conflicts(connection, repair)
    try:
        _reverse(connection, known)
    except IntegrityError as error:
        raise UndoConflict(
            f"repair {repair} cannot be undone, what came later stands in the way: {describe(error)}"
            "; undo the repairs after it first, the newest first"
        ) from None
    return ledger.note(connection, repair, state=State.UNDONE.value, undone_by=who, undone_at=func.clock_timestamp())


def _refuse_conflicts(connection: Connection, repair: int) -> None:
    found = conflicts(connection, repair)
    if found:
        more = f"; and {len(found) - TOLD:,} more" if len(found) > TOLD else ""
        named = "; ".join(map(str, found[:TOLD]))
        raise UndoConflict(f"repair {repair} cannot be undone without losing later changes: {named}{more}")


def _reverse(connection: Connection, known: Repair) -> None:
    steps = select(ROWS.step, ROWS.table, ROWS.action).where(ROWS.repair_id == known.id).distinct()
    found = connection.execute(steps.order_by(ROWS.step.desc(), ROWS.action, ROWS.table)).all()
    tables = {one.table for one in found}
    with ExitStack() as stack:
        stack.enter_context(without_triggers(connection, tables))
        if known.kind == RESTORE:
            stack.enter_context(without_foreign_keys(connection, tables))
        for step, label, action in found:
            reverse(connection, Copied(known.id, step, label), action)
