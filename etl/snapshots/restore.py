"""Restores a snapshot: loaded apart, judged, compared, and then only what differs is written, as a repair.

So a restore can be undone, and it keeps a copy of every row that it changes or removes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func

from etl.repairs import Repair, ledger
from etl.repairs.copies import Copies
from etl.repairs.loose import without_foreign_keys, without_triggers
from etl.repairs.shape import Shape, shape_of
from etl.repairs.undo import RESTORE
from etl.snapshots.compare import Difference, Rows, advance, compare, write_back
from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import Snapshot
from etl.snapshots.scratch import loaded, looking_at_scratch
from etl.snapshots.verify import require_sound

Judge = Callable[[Connection], str]
"""Looks at the restored rows, as if they were the database's, and returns what speaks against them, or nothing."""
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore: the repair that it is in the ledger (None where nothing was to be done), and what differed."""

    repair: Repair | None
    differences: tuple[Difference, ...]


def restore(
    connection: Connection, snapshot: Snapshot, who: str, *, judge: Judge, newer: Rows = Rows.REFUSE
) -> Restored:
    """Make the tables what the snapshot holds, in the caller's transaction.

    Rows that were written since are refused, kept, or removed, as `newer` says. Raises SnapshotError with what stands
    in the way; the caller rolls back then.
    """
    require_sound(snapshot)
    with loaded(connection, snapshot) as scratch:
        pairs = [(shape_of(connection, label), then) for label, then in scratch.items()]
        differences = tuple(compare(connection, live, then) for live, then in pairs)
        _refuse_losses(differences, newer)
        with looking_at_scratch(connection):
            objection = judge(connection)
        if objection:
            raise SnapshotError(f"snapshot {snapshot.name} is not restored: {objection}")
        repair = None
        if any(differences):
            repair = _swap(connection, _noted(connection, snapshot, who), pairs, newer)
    return Restored(repair, differences)


def _refuse_losses(differences: tuple[Difference, ...], newer: Rows) -> None:
    lost = [one for one in differences if one.newer]
    if lost and newer is Rows.REFUSE:
        told = "; ".join(f"{one.newer:,} of {one.table} (id {', '.join(map(str, one.examples))})" for one in lost)
        raise SnapshotError(
            f"rows were written since the snapshot: {told}. Say what becomes of them: --keep-newer leaves them,"
            " --discard-newer removes them (rally-health fix undo brings them back)"
        )


def _noted(connection: Connection, snapshot: Snapshot, who: str) -> int:
    summary = f"Restore of snapshot {snapshot.name}"
    return ledger.open_repair(
        connection, kind=RESTORE, summary=summary, planned_by=who, applied_by=who, snapshot=snapshot.name
    )


def _swap(connection: Connection, number: int, pairs: Sequence[tuple[Shape, Shape]], newer: Rows) -> Repair:
    copies = Copies(connection, number)
    labels = [live.label for live, _ in pairs]
    with without_foreign_keys(connection, labels), without_triggers(connection, labels):
        for live, then in pairs:
            write_back(copies, live, then, newer)
        for live, _ in pairs:
            advance(copies, live)
    return ledger.note(
        connection, number, state="applied", applied_at=func.clock_timestamp(), digest=copies.digest,
        changes=ledger.changes_of(connection, number),
    )  # fmt: skip
