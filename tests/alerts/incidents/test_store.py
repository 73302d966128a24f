"""Incidents as the database has them: which are the newest, what a report does to them, their story, who is at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from alerts import UnknownIncident
from alerts.incidents import ALPHABET, EventKind, Incident, found_in, new_token, normal
from alerts.incidents.store import (
    Event,
    acknowledge,
    all_events,
    assign,
    find,
    latest,
    listed,
    note,
    open_incidents,
    resolve,
    store,
    tell_story,
)  # fmt: skip
from checks import Severity, Status
from etl.tables import TimeSpan, incident_events, incidents
from tests.alerts.build import DAY, HOUR, MINUTE, NOON, report, result

CRITICAL, OK, WARN = Status.CRITICAL, Status.OK, Status.WARN
PLAIN = Incident(
    rule="lost_rows", domain="schedule", severity=Severity.HIGH, status=WARN, worst=CRITICAL,
    summary="A match is lost.",
    opened_at=NOON, opened_run="run-1", seen_at=NOON + HOUR, seen_run="run-2", since=NOON + MINUTE,
)  # fmt: skip


@pytest.fixture
def alone(connection: Connection) -> Connection:
    """A connection that sees no incident of anybody else."""
    connection.execute(delete(incident_events))
    connection.execute(delete(incidents))
    return connection


def stored(connection: Connection, **changes: Any) -> int:
    return store(connection, replace(PLAIN, **changes))


def test_an_incident_is_found_as_it_was_stored(alone: Connection) -> None:
    every = replace(
        PLAIN, parameter="CITA", scope="league CITA", owner="kim", runbook="docs/R.md", measurement="5 of 7",
        change="2 new",
        points=Decimal("3.50"), clusters=("5 of 7 in South", "2 of 7 in b"), examples=({"id": 4}, {"id": 9}),
        error="timed out", episode=3, acknowledged_at=NOON + 2 * HOUR, acknowledged_by="dana", assignee="lee",
        resolved_at=NOON + DAY, resolved_run="run-9", resolution="gone",
    )  # fmt: skip

    number = store(alone, every)
    changed = store(alone, replace(every, id=number, summary="Another."))

    assert changed == number
    assert find(alone, number) == replace(every, id=number, summary="Another.")


def test_an_incident_is_found_as_it_was_stored_again_and_no_other_is_touched(alone: Connection) -> None:
    lower, number, higher = (stored(alone, rule=rule) for rule in ("a", "b", "c"))
    again = replace(
        PLAIN, id=number, rule="d", parameter="CITA", scope="league CITA", domain="teams", severity=Severity.LOW,
        status=CRITICAL, worst=WARN, summary="Another.", owner="kim", runbook="docs/R.md", measurement="5 of 7",
        change="2 new", points=Decimal("3.50"), clusters=("5 of 7 in South",), examples=({"id": 4},), error="timed out",
        opened_at=NOON + DAY, opened_run="run-3", seen_at=NOON + 2 * DAY, seen_run="run-4", since=NOON + 3 * DAY,
        episode=3, acknowledged_at=NOON + 2 * HOUR, acknowledged_by="dana", assignee="lee",
        resolved_at=NOON + 4 * DAY, resolved_run="run-9", resolution="gone",
    )  # fmt: skip

    assert store(alone, again) == number

    assert find(alone, number) == again
    assert [find(alone, other).rule for other in (lower, higher)] == ["a", "c"]


def test_an_incident_that_is_not_there_is_told(alone: Connection) -> None:
    number = stored(alone)

    with pytest.raises(UnknownIncident) as refused:
        find(alone, number + 1)

    assert str(refused.value) == f"there is no incident {number + 1}; see rally-health incidents list"


def test_the_newest_of_each_rule_and_parameter_that_can_be_opened_again(alone: Connection) -> None:
    now = NOON + 3 * DAY
    stored(alone, resolved_at=now - DAY)
    newest = stored(alone, resolved_at=now - HOUR)
    apart, on_the_day = stored(alone, parameter="CITA"), stored(alone, rule="other", resolved_at=now - DAY)
    stored(alone, rule="old", resolved_at=now - DAY - timedelta(seconds=1))
    scoped = stored(alone, scope="league CITA")

    found = {key: incident.id for key, incident in latest(alone, "", now).items()}

    assert found == {("lost_rows", ""): newest, ("lost_rows", "CITA"): apart, ("other", ""): on_the_day}
    assert {incident.id for incident in latest(alone, "league CITA", now).values()} == {scoped}


def test_a_report_brings_incidents_up_to_date_worst_first(alone: Connection) -> None:
    first = report(
        result("lost_rows", WARN), result("bad_names", CRITICAL), result("fine", OK), result("twice", WARN,
        parameter="A"),
        result("twice", WARN, parameter="B"), run="run-1",
    )  # fmt: skip
    opened = open_incidents(alone, first, NOON)
    numbers = {update.incident.title: update.incident.id for update in opened}
    second = report(
        result("lost_rows", CRITICAL), result("bad_names", OK), result("twice", WARN, parameter="A"), run="run-2"
    )

    updates = open_incidents(alone, second, NOON + HOUR)

    assert [(update.incident.title, update.kind) for update in opened] == [
        ("bad_names", EventKind.OPENED), ("lost_rows", EventKind.OPENED), ("twice (A)", EventKind.OPENED),
        ("twice (B)", EventKind.OPENED),
    ]  # fmt: skip
    assert [(update.incident.title, update.kind, update.incident.id) for update in updates] == [
        ("lost_rows", EventKind.WORSENED, numbers["lost_rows"]), ("twice (A)", None, numbers["twice (A)"]),
        ("bad_names", EventKind.RESOLVED, numbers["bad_names"]), ("twice (B)", EventKind.RESOLVED,
        numbers["twice (B)"]),
    ]  # fmt: skip
    assert find(alone, numbers["twice (B)"]).resolution == "what it was about is no longer there"
    assert [(event.at, event.kind, event.run) for event in all_events(alone, numbers["lost_rows"])] == [
        (NOON, EventKind.OPENED, "run-1"), (NOON + HOUR, EventKind.WORSENED, "run-2"),
    ]  # fmt: skip
    assert [event.kind for event in all_events(alone, numbers["twice (A)"])] == [EventKind.OPENED]


def test_what_a_run_did_not_measure_stays_as_it_is(alone: Connection) -> None:
    open_incidents(alone, report(result("twice", WARN, parameter="A"), result("lost_rows", WARN), run="run-1"), NOON)

    assert open_incidents(alone, report(result("twice", Status.SKIPPED), run="run-2"), NOON + HOUR) == []
    assert {incident.open for incident in listed(alone)} == {True}


def test_a_part_says_nothing_about_the_whole(alone: Connection) -> None:
    open_incidents(alone, report(result("lost_rows", WARN), run="run-1"), NOON)

    (update,) = open_incidents(
        alone, report(result("lost_rows", CRITICAL), run="run-2"), NOON + HOUR, scope="league CITA"
    )

    assert (update.kind, update.incident.scope) == (EventKind.OPENED, "league CITA")
    assert [(one.scope, one.status) for one in listed(alone)] == [("league CITA", CRITICAL), ("", WARN)]


def test_the_list_has_open_ones_and_those_resolved_since_of_a_time(alone: Connection) -> None:
    late = stored(alone, rule="late", opened_at=NOON + DAY)
    worst = stored(alone, rule="worst", status=CRITICAL)
    gone, long_gone = (
        stored(alone, rule="gone", resolved_at=NOON + DAY),
        stored(alone, rule="z", resolved_at=NOON + HOUR),
    )

    def numbers(**options: Any) -> list[int]:
        return [incident.id for incident in listed(alone, **options)]

    assert numbers() == [worst, late]
    assert numbers(resolved_since=NOON + DAY) == [worst, late, gone]
    assert numbers(resolved_since=NOON + HOUR) == [worst, late, gone, long_gone]
    assert numbers(span=TimeSpan(NOON + DAY, NOON + DAY)) == [late]
    assert numbers(resolved_since=NOON, span=TimeSpan(until=NOON)) == [worst, gone, long_gone]


def story(connection: Connection, number: int) -> list[tuple[datetime, str, str, str]]:
    return [(event.at, event.kind.value, event.actor, event.text) for event in all_events(connection, number)]


def test_a_story_is_told_in_order_and_a_reference_counts_once(alone: Connection) -> None:
    number, other = stored(alone), stored(alone, rule="other")

    told = [
        tell_story(alone, number, NOON + HOUR, EventKind.NOTED, text="second", reference="r1"),
        tell_story(alone, number, NOON, EventKind.OPENED, actor="kim", text="first", run="run-1"),
        tell_story(alone, number, NOON + HOUR, EventKind.NOTED, text="third"),
        tell_story(alone, number, NOON + DAY, EventKind.NOTED, text="again", reference="r1"),
        tell_story(alone, other, NOON, EventKind.OPENED),
    ]

    assert told == [True, True, True, False, True]
    assert all_events(alone, number)[0] == Event(NOON, EventKind.OPENED, "kim", "first", "run-1")
    assert [text for *_, text in story(alone, number)] == ["first", "second", "third"]


def test_an_incident_is_acknowledged_once(alone: Connection) -> None:
    number = stored(alone)

    first = acknowledge(alone, number, "kim", NOON + HOUR)
    again = acknowledge(alone, number, "dana", NOON + DAY)

    assert (first.acknowledged_at, first.acknowledged_by, first.state) == (NOON + HOUR, "kim", "acknowledged")
    assert again == first == find(alone, number)
    assert story(alone, number) == [(NOON + HOUR, "acknowledged", "kim", "")]


def test_a_reply_that_was_counted_acknowledges_nothing_more(alone: Connection) -> None:
    number = stored(alone)
    acknowledge(alone, number, "kim", NOON, reference="SM1")
    store(alone, replace(find(alone, number), acknowledged_at=None, acknowledged_by=None))

    assert acknowledge(alone, number, "kim", NOON + HOUR, reference="SM1").state == "open"
    assert acknowledge(alone, number, "kim", NOON + DAY, reference="SM2").acknowledged_at == NOON + DAY


def test_what_is_resolved_is_not_acknowledged(alone: Connection) -> None:
    number = stored(alone, resolved_at=NOON)

    assert acknowledge(alone, number, "kim", NOON + HOUR).acknowledged_at is None
    assert story(alone, number) == []


@pytest.mark.parametrize(("reason", "resolution"), [("mended by hand", "mended by hand"), ("", "by kim")])
def test_an_incident_is_resolved_by_hand_once(alone: Connection, reason: str, resolution: str) -> None:
    number = stored(alone)

    first = resolve(alone, number, "kim", NOON + HOUR, reason)
    again = resolve(alone, number, "dana", NOON + DAY, "another")

    assert (first.resolved_at, first.resolution, first.open) == (NOON + HOUR, resolution, False)
    assert again == first == find(alone, number)
    assert story(alone, number) == [(NOON + HOUR, "resolved", "kim", reason)]


def test_who_looks_after_an_incident_and_what_was_noted_is_in_its_story(alone: Connection) -> None:
    number = stored(alone)

    assigned = assign(alone, number, "lee", "kim", NOON + HOUR)
    noted = note(alone, number, "the site is down", "lee", NOON + 2 * HOUR)

    assert (assigned.assignee, find(alone, number)) == ("lee", assigned)
    assert noted == assigned
    assert story(alone, number) == [
        (NOON + HOUR, "assigned", "kim", "lee"), (NOON + 2 * HOUR, "noted", "lee", "the site is down"),
    ]  # fmt: skip


def test_a_token_is_no_word() -> None:
    tokens = {new_token() for _ in range(300)}

    assert len(tokens) > 290
    assert {len(token) for token in tokens} == {8}
    assert all(set(token) <= set(ALPHABET) and not token.isalpha() for token in tokens)
    assert {normal(typed) for typed in ("K7QF3M2P", " #k7qf3m2p ", "#K7QF3M2P")} == {"K7QF3M2P"}


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("ack k7qf3m2p", "K7QF3M2P"), ("ACK #QWERTYPA please", "QWERTYPA"), ("ack qwertypa", None), ("", None),
        ("ack QWERTYPA k7qf3m2p #ABCDEFGH", "K7QF3M2P"), ("k7qf3m2", None), ("k7qf3m2pp", None), ("ack K7QF3M2P.",
        "K7QF3M2P"),
        ("k7qf3m20", None),
    ],
)  # fmt: skip
def test_a_token_is_found_in_a_reply(text: str, token: str | None) -> None:
    assert found_in(text) == token
