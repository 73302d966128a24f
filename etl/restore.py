"""Restores a snapshot: loaded apart, judged, compared, and then only what differs is written, as a repair.

So a restore can be undone, and keeps a copy of every row that it changes or removes. The loaded rows stand in a schema
of their own, inside a transaction: nobody else ever sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Integer, cast, exists, func, or_, select, text

from etl.repairs import constraints, ledger
from etl.repairs.constraints import beside_foreign_keys, without_triggers
from etl.repairs.ledger import Repair
from etl.repairs.perform import NOTHING, RowBackup
from etl.repairs.reflected_table import ReflectedTable, find_table, reflect
from etl.repairs.undo import RESTORE, ids_of
from etl.snapshots import Held, Snapshot, SnapshotError, require_sound, rows_of

SCHEMA = "rally_restore"


@contextmanager
def loaded(connection: Connection, snapshot: Snapshot) -> Iterator[dict[str, ReflectedTable]]:
    """Load a snapshot for the block; the tables of the scratch schema by the label of the table that they stand for."""
    connection.execute(text(f"create schema {SCHEMA}"))
    yield {held.table: _load(connection, snapshot, held) for held in snapshot.tables}
    connection.execute(text(f"drop schema {SCHEMA} cascade"))


@contextmanager
def looking_at_scratch(connection: Connection) -> Iterator[None]:
    """Let statements that name no schema, such as those of rules, see the scratch tables for the block."""
    before = connection.execute(text("select current_setting('search_path')")).scalar_one()
    statement = text("select set_config('search_path', :path, true)")
    connection.execute(statement, {"path": f"{SCHEMA}, public"})
    yield
    connection.execute(statement, {"path": before})


def _load(connection: Connection, snapshot: Snapshot, held: Held) -> ReflectedTable:
    live = find_table(connection, held.table)
    if live is None:
        raise SnapshotError(f"the database has no table {held.table}: run `rally-health init` first")
    unknown = [name for name in held.columns if name not in live.types]
    if unknown:
        raise SnapshotError(f"snapshot {snapshot.name} has columns of {held.table} that are gone: {', '.join(unknown)}")
    quote = connection.dialect.identifier_preparer.quote
    target, names = f"{SCHEMA}.{quote(live.name)}", ", ".join(quote(name) for name in held.columns)
    connection.exec_driver_sql(f"create table {target} as table {quote(live.schema)}.{quote(live.name)} with no data")
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    with driver.cursor() as cursor, cursor.copy(f"copy {target} ({names}) from stdin") as rows:
        for block in rows_of(snapshot, held.table):
            rows.write(block)
    connection.exec_driver_sql(f"analyze {target}")
    found = find_table(connection, f"{SCHEMA}.{live.name}")
    assert found is not None  # noqa: S101 - just made
    return ReflectedTable(found.schema, found.name, {name: found.types[name] for name in held.columns}, live.key)


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


def compare(connection: Connection, live: ReflectedTable, then: ReflectedTable) -> Difference:
    """What differs between a table and what a snapshot holds of it."""
    row, old = live.table, then.table
    newer, missing = select(row.c.id).where(_only_in(live, then)), select(old.c.id).where(_only_in(then, live))
    changed = select(func.count()).select_from(row.join(old, old.c.id == row.c.id)).where(_differs(live, then))
    counts = [connection.scalar(select(func.count()).select_from(one.subquery())) or 0 for one in (newer, missing)]
    examples = connection.scalars(newer.order_by(row.c.id).limit(EXAMPLES)) if counts[0] else ()
    return Difference(live.label, counts[0], connection.scalar(changed) or 0, counts[1], tuple(examples))


def discard(copies: RowBackup, live: ReflectedTable, then: ReflectedTable) -> None:
    """Remove the rows that were written since, after a copy of each was kept."""
    copies.step += 1
    rows = select(live.table).where(_only_in(live, then)).subquery()
    copies.keep(live, "delete", rows, NOTHING, copies.step)
    copies.remove(live, copies.step)


def write_back(copies: RowBackup, live: ReflectedTable, then: ReflectedTable) -> None:
    """Give rows that were changed since their old values, and add those that are missing; each is kept before."""
    row, old = live.table, then.table
    changed = select(old).join(row, row.c.id == old.c.id).where(_differs(live, then))
    copies.change(live, changed.subquery())
    copies.add(live, select(old).where(_only_in(then, live)).order_by(old.c.id))


def advance(copies: RowBackup, live: ReflectedTable) -> None:
    """Let the table's sequence go on behind its rows, where ids came back that it has never given."""
    highest = copies.connection.scalar(select(func.max(cast(live.table.c.id, Integer)))) or 0
    for name in constraints.names_of(copies.connection, live):
        before = constraints.state(copies.connection, name)
        if before["last_value"] < highest:
            after = {"last_value": highest, "is_called": True}
            constraints.restart(copies.connection, name, after)
            copies.step += 1
            copies.put("sequence", name, {"sequence": name}, before, after)


def _only_in(one: ReflectedTable, other: ReflectedTable) -> ColumnElement[bool]:
    return ~exists().where(other.table.c.id == one.table.c.id)


def _differs(live: ReflectedTable, then: ReflectedTable) -> ColumnElement[bool]:
    names = live.written(then.types)
    return or_(*(live.table.c[name].is_distinct_from(then.table.c[name]) for name in names))


Judge = Callable[[Connection], str]
"""Looks at the restored rows, as if they were the database's, and returns what speaks against them, or nothing."""


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
        pairs = [(reflect(connection, label), then) for label, then in scratch.items()]
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


def _swap(
    connection: Connection, number: int, pairs: Sequence[tuple[ReflectedTable, ReflectedTable]], newer: Rows
) -> Repair:
    labels = [live.label for live, _ in pairs]

    def write() -> RowBackup:
        copies = RowBackup(connection, number)
        with without_triggers(connection, labels):
            for live, then in reversed(pairs) if newer is Rows.DISCARD else ():
                discard(copies, live, then)
            for live, then in pairs:
                write_back(copies, live, then)
            for live, _ in pairs:
                advance(copies, live)
        return copies

    copies = beside_foreign_keys(connection, labels, write, lambda label: ids_of(connection, number, label, "delete"))
    return ledger.note(
        connection, number, state="applied", applied_at=func.clock_timestamp(), digest=copies.digest,
        changes=ledger.changes_of(connection, number),
    )  # fmt: skip
