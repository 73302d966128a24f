"""Refused rows, and copies of changed ones, go with time; what was done stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, insert, select

from etl.repairs import RepairError, ledger
from etl.repairs.ledger import State
from etl.repairs.undo import undo
from etl.retention import Deleted, delete_expired
from etl.tables import import_feeds, import_runs, rejects, repair_rows, repairs

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LONG_AGO, LATELY = NOW - timedelta(days=500), NOW - timedelta(days=5)
YEAR = NOW - timedelta(days=365)


def refused(connection: Connection, at: datetime) -> None:
    run = connection.execute(insert(import_runs).values(outcome="published", paths=[]).returning(import_runs.c.id))
    feed = insert(import_feeds).values(
        run_id=run.scalar_one(), path="players.json", kind="players", league="CITA", outcome="published",
        started_at=at, rejects=1,
    )  # fmt: skip
    number = connection.execute(feed.returning(import_feeds.c.id)).scalar_one()
    connection.execute(insert(rejects).values(feed_id=number, index=0, reason="no name", raw="{}"))


def repaired(connection: Connection, at: datetime, state: State, **more: object) -> int:
    values = {"summary": "a fix", "rule": "duplicate_player", "planned_at": at, "state": state.value, **more}
    number = int(connection.execute(insert(repairs).values(values).returning(repairs.c.id)).scalar_one())
    row = {
        "repair_id": number,
        "step": 1,
        "table": "public.players",
        "action": "delete",
        "key": [1],
        "before": {"id": "1"},
    }
    connection.execute(insert(repair_rows).values(row))
    return number


def left(connection: Connection) -> tuple[int, int]:
    counts = (select(func.count()).select_from(table).scalar_subquery() for table in (rejects, repair_rows))
    return tuple(connection.execute(select(*counts)).one())


def test_what_is_old_goes_and_what_is_new_stays(connection: Connection) -> None:
    for at in (LONG_AGO, LATELY):
        refused(connection, at)
        repaired(connection, at, State.APPLIED, applied_at=at)

    assert delete_expired(connection, YEAR) == Deleted(rejects=1, copies=1)

    assert left(connection) == (1, 1)
    assert connection.scalar(select(func.sum(import_feeds.c.rejects))) == 2
    assert delete_expired(connection, YEAR) == Deleted(rejects=0, copies=0)


def test_a_repair_is_as_old_as_its_last_step(connection: Connection) -> None:
    repaired(connection, LONG_AGO, State.UNDONE, applied_at=LONG_AGO, undone_at=LATELY)

    assert delete_expired(connection, YEAR).copies == 0


def test_a_repair_without_its_copies_says_that_it_cannot_be_undone(connection: Connection) -> None:
    number = repaired(connection, LONG_AGO, State.APPLIED, applied_at=LONG_AGO, snapshot="20241018T0700")
    delete_expired(connection, YEAR)

    with pytest.raises(RepairError, match=r"older than RALLY_KEEP_ROWS days .* 20241018T0700"):
        undo(connection, number, "kim")

    assert ledger.find_repair(connection, number).state is State.FORGOTTEN
