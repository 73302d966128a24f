"""The ledger of repairs: plans, what was done, what was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, literal, select, update

from etl.repairs import NoSuchRepair
from etl.repairs.reflected_table import Restoring
from etl.tables import EVER, TimeSpan, repair_rows, repairs, within
from etl.words import number_of

REHEARSAL = 0
"""The number of what is tried out. Real ones count from 1, and no number is lost by trying."""


class State(StrEnum):
    """How far a repair is; one that is FORGOTTEN was applied, and the copies of its rows are gone."""

    PLANNED = "planned"
    APPLIED = "applied"
    UNDONE = "undone"
    FORGOTTEN = "forgotten"


CONSTRAINT = "constraint"


@dataclass(frozen=True, slots=True)
class Change:
    """How many rows of a table, or constraints on it, a repair changes in one way."""

    table: str
    action: str
    rows: int

    def __str__(self) -> str:
        table = self.table.removeprefix("public.")
        if self.action == CONSTRAINT:
            return f"{number_of(self.rows, 'constraints')} of {table}"
        return f"{self.action} {self.rows:,} of {table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A plan, and what became of it. `bad_before` and `bad_after` count the rule's bad rows."""

    id: int
    kind: str
    rule: str
    summary: str
    state: State
    proposal: bool
    changes: tuple[Change, ...]
    digest: str
    options: Mapping[str, Any] = field(default_factory=dict)
    bad_before: int | None = None
    bad_after: int | None = None
    score_before: Decimal | None = None
    score_after: Decimal | None = None
    planned_at: datetime
    planned_by: str
    applied_at: datetime | None = None
    applied_by: str | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None
    snapshot: str | None = None

    @property
    def rows(self) -> int:
        """How many rows it changes."""
        return sum(change.rows for change in self.changes)


def open_repair(connection: Connection, **values: Any) -> int:
    """Note a repair that is planned, and return its number."""
    values = {"state": State.PLANNED.value} | values
    return int(connection.execute(insert(repairs).values(values).returning(repairs.c.id)).scalar_one())


def open_rehearsal(connection: Connection) -> int:
    """Note a repair that is only tried out and rolled back, under a number that no other has."""
    values = select(literal(REHEARSAL), literal(""), literal(State.PLANNED.value))
    connection.execute(Restoring(repairs).from_select(["id", "summary", "state"], values))
    return REHEARSAL


def note(connection: Connection, repair: int, **values: Any) -> Repair:
    """Write down more about a repair; changes are given as `Change`."""
    if "changes" in values:
        values["changes"] = [[change.table, change.action, change.rows] for change in values["changes"]]
    statement = update(repairs).where(repairs.c.id == repair).values(values).returning(*repairs.c)
    return _repair(connection.execute(statement).one())


def find_repair(connection: Connection, repair: int, *, lock: bool = False) -> Repair:
    """A repair by its number, with `lock` held until the end of the transaction; NoSuchRepair for none."""
    wanted: Select[Any] = select(repairs).where(repairs.c.id == repair)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise NoSuchRepair(f"there is no plan or repair {repair}; see rally-health fix history")
    return _repair(row)


def is_kept(connection: Connection, repair: Repair) -> bool:
    """Whether the ledger knows a repair as it stands, so that the transaction which noted it was committed."""
    own = select(repairs.c.id).where(repairs.c.id == repair.id, repairs.c.applied_at == repair.applied_at)
    return connection.execute(own).first() is not None


def repair_history(
    connection: Connection, limit: int = 20, state: State | None = None, span: TimeSpan = EVER
) -> tuple[Repair, ...]:
    """The newest plans and repairs that were planned in a time, newest first."""
    wanted = select(repairs).where(*within(repairs.c.planned_at, span)).order_by(repairs.c.id.desc()).limit(limit)
    rows = connection.execute(wanted.where(repairs.c.state == state.value) if state else wanted)
    return tuple(_repair(row) for row in rows)


def changes_of(connection: Connection, repair: int) -> tuple[Change, ...]:
    """What a repair changes, counted; sequences are left out."""
    row = repair_rows.c
    counted = select(row.table, row.action, func.count()).where(row.repair_id == repair, row.action != "sequence")
    found = connection.execute(counted.group_by(row.table, row.action).order_by(row.table, row.action))
    return tuple(Change(*one) for one in found)


def _repair(row: Row[Any]) -> Repair:
    values = dict(row._mapping)
    changes = tuple(Change(*change) for change in values.pop("changes"))
    return Repair(**values | {"changes": changes, "state": State(row.state)})
