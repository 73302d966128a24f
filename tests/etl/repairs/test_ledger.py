"""The ledger of repairs: what it says, what it finds, and what it refuses to take back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from etl.repairs import Delete, NoSuchRepair, RepairError, UndoConflict, Update, ledger
from etl.repairs.ledger import Change, Repair, State
from etl.repairs.perform import perform
from etl.repairs.undo import undo
from etl.tables import TimeSpan, repair_rows, schedule, series

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change("public.schedule", "delete", 1_405), "delete 1,405 of schedule"),
        (Change("shop.lines", "update", 1), "update 1 of shop.lines"),
        (Change("public.schedule", "constraint", 1), "1 constraint of schedule"),
        (Change("public.schedule", "constraint", 3), "3 constraints of schedule"),
    ],
)
def test_a_change_says_how_many_of_what(change: Change, said: str) -> None:
    assert str(change) == said


def noted(connection: Connection, at: datetime, **values: Any) -> int:
    """A repair that was planned at a moment."""
    return ledger.open_repair(connection, planned_at=at, summary="a test", **values)


def numbers(found: tuple[Repair, ...]) -> list[int]:
    return [repair.id for repair in found]


def test_the_newest_repairs_come_first_by_state_and_time(connection: Connection) -> None:
    first, second = noted(connection, NOON), noted(connection, NOON + HOUR, state="applied")
    third, fourth = noted(connection, NOON + 2 * HOUR), noted(connection, NOON + 3 * HOUR, state="undone")

    assert numbers(ledger.repair_history(connection)) == [fourth, third, second, first]
    assert numbers(ledger.repair_history(connection, 3)) == [fourth, third, second]
    assert numbers(ledger.repair_history(connection, 1, State.PLANNED)) == [third]
    assert numbers(ledger.repair_history(connection, state=State.APPLIED)) == [second]
    assert ledger.repair_history(connection, state=State.FORGOTTEN) == ()
    assert numbers(ledger.repair_history(connection, span=TimeSpan(NOON + HOUR, NOON + 2 * HOUR))) == [third, second]


def test_no_more_than_twenty_are_listed_where_nobody_says_how_many(connection: Connection) -> None:
    every = [noted(connection, NOON) for _ in range(22)]

    assert numbers(ledger.repair_history(connection)) == every[:1:-1]


def test_a_repair_is_found_as_it_was_noted(connection: Connection) -> None:
    number = noted(
        connection,
        NOON,
        rule="duplicate_match",
        proposal=True,
        digest="abc",
        planned_by="kim",
        options={"feeds": ["a"]},
    )
    changes = (Change("public.schedule", "delete", 2), Change("public.teams", "update", 5))

    applied = ledger.note(
        connection, number, changes=changes, bad_before=7, bad_after=3, score_before=Decimal("61.25"),
        score_after=Decimal("72.50"), state="applied", applied_at=NOON + HOUR, applied_by="dana", snapshot="before",
    )  # fmt: skip

    assert ledger.find_repair(connection, number) == applied
    assert applied == Repair(
        id=number, kind="fix", rule="duplicate_match", summary="a test", state=State.APPLIED, proposal=True,
        changes=changes, digest="abc", options={"feeds": ["a"]}, bad_before=7, bad_after=3,
        score_before=Decimal("61.25"), score_after=Decimal("72.50"), planned_at=NOON, planned_by="kim",
        applied_at=NOON + HOUR, applied_by="dana", snapshot="before",
    )  # fmt: skip
    assert applied.rows == 7


def test_a_repair_that_nobody_planned_is_told(connection: Connection) -> None:
    number = noted(connection, NOON)

    with pytest.raises(NoSuchRepair) as refused:
        ledger.find_repair(connection, number + 1)

    assert str(refused.value) == f"there is no plan or repair {number + 1}; see rally-health fix history"


def test_a_repair_is_kept_that_the_ledger_knows_with_its_moment(connection: Connection) -> None:
    repair, other = (
        ledger.find_repair(connection, noted(connection, NOON, state="applied", applied_at=at))
        for at in (NOON, NOON + HOUR)
    )

    assert [ledger.is_kept(connection, one) for one in (repair, other)] == [True, True]
    assert not ledger.is_kept(connection, replace(repair, applied_at=NOON + HOUR))
    assert not ledger.is_kept(connection, replace(repair, id=other.id))


def test_what_is_tried_out_has_a_number_that_no_other_has(connection: Connection) -> None:
    assert ledger.open_rehearsal(connection) == 0
    assert ledger.find_repair(connection, 0).state is State.PLANNED


def test_changes_are_counted_by_table_and_way_without_sequences(connection: Connection) -> None:
    number, other = noted(connection, NOON), noted(connection, NOON)
    rows = [("public.b", "update"), ("public.b", "delete"), ("public.a", "update"), ("public.b", "update")]
    for repair, table, action in [
        *((number, *row) for row in rows),
        (number, "public.b", "sequence"),
        (other, "c", "x"),
    ]:
        copied = {"repair_id": repair, "step": 1, "table": table, "action": action, "key": {}}
        connection.execute(insert(repair_rows).values(copied))

    assert ledger.changes_of(connection, number) == (
        Change("public.a", "update", 1), Change("public.b", "delete", 1), Change("public.b", "update", 2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": "planned"}, "plan {} was never applied: there is nothing to undo"),
        (
            {"state": "forgotten"},
            "repair {} cannot be undone any more: the copies of its rows are older than RALLY_KEEP_ROWS days and were"
            " deleted; a snapshot may have them",
        ),
        (
            {"state": "forgotten", "snapshot": "before"},
            "repair {} cannot be undone any more: the copies of its rows are older than RALLY_KEEP_ROWS days and were"
            " deleted; a snapshot may have them: before",
        ),
    ],
)
def test_what_cannot_be_undone_says_why(connection: Connection, values: dict[str, Any], said: str) -> None:
    number = noted(connection, NOON, **values)

    with pytest.raises(RepairError) as refused:
        undo(connection, number, "kim")

    assert str(refused.value) == said.format(number)


def test_what_is_undone_stays_undone_by_whom_it_was(connection: Connection) -> None:
    number = noted(connection, NOON, state="applied", applied_at=NOON)

    first, again = undo(connection, number, "kim"), undo(connection, number, "dana")

    assert (first.state, first.undone_by, again) == (State.UNDONE, "kim", first)


@pytest.mark.parametrize(("matches", "more"), [(9, ""), (10, ""), (11, "; and 1 more"), (12, "; and 2 more")])
def test_ten_conflicts_are_named_and_the_rest_is_counted(connection: Connection, matches: int, more: str) -> None:
    for id_ in range(1, matches + 1):
        connection.execute(insert(series).values(id=id_, name=f"Series {id_}"))
    number = noted(connection, NOON)
    perform(connection, number, (Update(series, select(series.c.id, (series.c.name + "?").label("name"))),))
    ledger.note(connection, number, state="applied", applied_at=NOON)
    connection.execute(text("update series set name = name || '!'"))

    with pytest.raises(UndoConflict) as refused:
        undo(connection, number, "kim")

    said = str(refused.value)
    # in which order rows lie is no promise: in a database that many tests have shared the seventh came first
    assert said.startswith(f"repair {number} cannot be undone without losing later changes: series id ")
    assert said.count("was changed since (name)") == min(matches, 10)
    assert said.endswith(f"(name){more}")


def test_a_repair_without_a_row_changes_nothing(connection: Connection) -> None:
    number = noted(connection, NOON)
    perform(connection, number, (Delete(schedule, select(schedule.c.id)),))

    assert ledger.changes_of(connection, number) == ()
