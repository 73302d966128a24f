"""What runs do to an incident."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from alerts.incidents import Change, EventKind, Incident, observe, observe_none
from checks import Severity, Status
from tests.alerts.build import DAY, HOUR, MINUTE, NOON, result

CRITICAL, ERROR, OK, SKIPPED, WARN = Status.CRITICAL, Status.ERROR, Status.OK, Status.SKIPPED, Status.WARN


def seen(known: Incident | None, status: Status, hours: float = 0, **more: Any) -> Change:
    change = observe(known, result("lost_rows", status, **more), "run", NOON + hours * HOUR)
    assert change is not None
    return change


def opened(status: Status = WARN) -> Incident:
    return seen(None, status).incident


@pytest.mark.parametrize("status", [WARN, CRITICAL, ERROR])
def test_the_first_run_that_sees_trouble_opens_an_incident(status: Status) -> None:
    change = seen(None, status)

    assert (change.kind, change.incident.status, change.incident.opened_at) == (EventKind.OPENED, status, NOON)


@pytest.mark.parametrize("status", [OK, SKIPPED])
def test_without_trouble_nothing_opens(status: Status) -> None:
    assert observe(None, result("lost_rows", status), "run", NOON) is None


def test_accepted_trouble_opens_nothing() -> None:
    assert observe(None, result("lost_rows", CRITICAL, accepted=True), "run", NOON) is None


def test_the_run_that_sees_it_gone_resolves_it() -> None:
    change = seen(opened(), OK, hours=1)

    assert (change.kind, change.incident.resolved_at, change.incident.resolution) == (
        EventKind.RESOLVED, NOON + HOUR, "gone",
    )  # fmt: skip


def test_a_waiver_resolves_it_and_says_so() -> None:
    assert seen(opened(), CRITICAL, hours=1, accepted=True).incident.resolution == "accepted by a waiver"


def test_what_was_not_measured_is_not_gone() -> None:
    assert observe(opened(), result("lost_rows", SKIPPED), "run", NOON + HOUR) is None


def test_what_is_asked_again_without_enough_to_judge_it_by_is_no_error_any_more() -> None:
    """A figure without history could not be read one night: its incident stayed open until it had a history."""
    change = seen(opened(ERROR), SKIPPED, hours=1)
    assert (change.kind, change.text) == (EventKind.RESOLVED, "it is measured again, without enough to judge it by")


def test_an_error_of_a_rule_that_is_switched_off_meanwhile_stays() -> None:
    assert observe(opened(ERROR), result("lost_rows", SKIPPED, left_out=True), "run", NOON + HOUR) is None


def test_an_error_does_not_make_critical_look_better() -> None:
    change = seen(opened(CRITICAL), ERROR, hours=1, error="timed out")

    assert (change.kind, change.incident.status) == (EventKind.UNMEASURED, CRITICAL)


def test_an_error_is_worse_than_a_warning() -> None:
    change = seen(opened(WARN), ERROR, hours=1, error="timed out")

    assert (change.kind, change.incident.status) == (EventKind.WORSENED, ERROR)


def test_an_unchanged_status_moves_only_the_figures() -> None:
    change = seen(opened(), WARN, hours=1, count=300)

    assert change.kind is None
    assert change.incident.measurement == "300 of 727 (41.3 %)"
    assert change.incident.since == NOON


def test_getting_worse_takes_back_the_acknowledgement() -> None:
    known = replace(opened(WARN), acknowledged_at=NOON, acknowledged_by="dana")

    change = seen(known, CRITICAL, hours=1)

    assert (change.kind, change.incident.acknowledged_at, change.incident.since) == (
        EventKind.WORSENED, None, NOON + HOUR,
    )  # fmt: skip


def test_getting_better_keeps_the_acknowledgement_and_the_worst_status() -> None:
    known = replace(opened(CRITICAL), acknowledged_at=NOON, acknowledged_by="dana")

    change = seen(known, WARN, hours=1)

    assert (change.kind, change.incident.acknowledged_by, change.incident.worst) == (
        EventKind.IMPROVED, "dana", CRITICAL,
    )  # fmt: skip


def test_what_returns_within_a_day_is_the_same_incident() -> None:
    gone = replace(seen(opened(), OK, hours=1).incident, id=7)

    change = seen(gone, WARN, hours=25)

    assert (change.kind, change.incident.id, change.incident.episode) == (EventKind.REOPENED, 7, 2)


def test_what_returns_after_more_than_a_day_is_another_incident() -> None:
    gone = replace(seen(opened(), OK, hours=1).incident, id=7)

    change = observe(gone, result("lost_rows", WARN), "run", NOON + HOUR + DAY + MINUTE)

    assert change is not None
    assert (change.kind, change.incident.id) == (EventKind.OPENED, 0)


def test_a_run_that_reports_late_says_nothing_about_what_a_later_one_saw() -> None:
    assert observe(opened(), result("lost_rows", OK), "run", NOON - MINUTE) is None


@pytest.mark.parametrize("status", [WARN, CRITICAL, OK])
def test_a_run_of_the_same_moment_is_heard(status: Status) -> None:
    assert observe(opened(ERROR), result("lost_rows", status), "run", NOON) is not None


def test_an_incident_has_the_figures_of_its_result() -> None:
    found = result(
        "lost_rows", CRITICAL, count=300, owner="dana", runbook="docs/RUNBOOKS.md#lost", points=Decimal("5.10"),
        examples=tuple((("id", number),) for number in range(7)), parameter="CITA", severity=Severity.HIGH,
    )  # fmt: skip

    change = observe(None, found, "run-7", NOON, "month")

    assert change is not None
    assert change.text == "CRITICAL: 300 of 727 (41.3 %)"
    assert change.incident == Incident(
        rule="lost_rows", parameter="CITA", scope="month", domain=found.domain, severity=Severity.HIGH,
        status=CRITICAL, worst=CRITICAL, summary=found.summary, owner="dana", runbook="docs/RUNBOOKS.md#lost",
        measurement="300 of 727 (41.3 %)", points=Decimal("5.10"), examples=tuple({"id": n} for n in range(5)),
        opened_at=NOON, opened_run="run-7", seen_at=NOON, seen_run="run-7", since=NOON, change=found.change,
    )  # fmt: skip


def test_what_resolves_an_incident_is_told_with_its_run() -> None:
    change = observe(opened(), result("lost_rows", OK, count=0), "run-8", NOON + HOUR)

    assert change is not None
    after = change.incident
    assert (after.resolved_run, after.seen_run, after.seen_at, after.opened_run) == (
        "run-8",
        "run-8",
        NOON + HOUR,
        "run",
    )
    assert (after.status, after.measurement, change.text) == (WARN, "0 of 727 (0 %)", "gone")


def test_what_is_resolved_is_not_resolved_again() -> None:
    gone = seen(opened(), OK, hours=1).incident

    assert observe(gone, result("lost_rows", OK), "run", NOON + DAY) is None
    assert observe_none(gone, "run", NOON + DAY) is None


def test_an_incident_of_what_is_no_longer_there_is_resolved_by_a_run_that_is_not_older() -> None:
    known = opened()

    assert observe_none(known, "run-8", NOON - MINUTE) is None
    change = observe_none(known, "run-8", NOON)

    assert change is not None
    assert (change.kind, change.text) == (EventKind.RESOLVED, "what it was about is no longer there")
    assert (change.incident.resolved_at, change.incident.resolved_run) == (NOON, "run-8")
    assert change.incident.resolution == change.text


def test_what_returns_begins_anew_and_nobody_has_acknowledged_it() -> None:
    known = replace(opened(CRITICAL), acknowledged_at=NOON, acknowledged_by="dana", episode=3)

    back = seen(seen(known, OK, hours=1).incident, WARN, hours=2)

    after = back.incident
    assert (after.status, after.worst, after.since, after.episode) == (WARN, CRITICAL, NOON + 2 * HOUR, 4)
    assert (after.acknowledged_at, after.acknowledged_by) == (None, None)
    assert (after.resolved_at, after.resolved_run, after.resolution) == (None, None, None)
    assert (after.opened_at, after.seen_at, back.text) == (NOON, NOON + 2 * HOUR, f"WARN: {after.measurement}")


def test_what_returns_exactly_a_day_later_is_the_same_incident() -> None:
    gone = seen(opened(), OK, hours=1).incident

    assert seen(gone, CRITICAL, hours=25).kind is EventKind.REOPENED
    assert seen(gone, CRITICAL, hours=25).incident.worst is CRITICAL


def test_a_critical_incident_that_cannot_be_measured_says_so_once_and_keeps_its_figures() -> None:
    known = opened(CRITICAL)
    first = seen(known, ERROR, hours=1, error="timed out")
    second = seen(first.incident, ERROR, hours=2, error="gone away")

    assert (first.kind, first.text, first.incident.measurement) == (
        EventKind.UNMEASURED,
        "timed out",
        known.measurement,
    )
    assert (second.kind, second.text, second.incident.status) == (None, "gone away", CRITICAL)
    assert (second.incident.seen_at, second.incident.since) == (NOON + 2 * HOUR, NOON)


def test_a_change_of_status_says_what_was_found() -> None:
    worse, better = seen(opened(WARN), CRITICAL, hours=1), seen(opened(CRITICAL), WARN, hours=1)

    assert (worse.text, worse.incident.worst) == (f"CRITICAL: {worse.incident.measurement}", CRITICAL)
    assert (better.text, better.incident.since) == (f"WARN: {better.incident.measurement}", NOON + HOUR)
    assert seen(opened(WARN), ERROR, hours=1, error="timed out").text == "ERROR: timed out"


def test_an_incident_is_open_acknowledged_or_resolved() -> None:
    known = opened()
    acknowledged = replace(known, acknowledged_at=NOON)

    assert [one.state for one in (known, acknowledged, replace(acknowledged, resolved_at=NOON))] == [
        "open", "acknowledged", "resolved",
    ]  # fmt: skip


def test_incidents_are_ordered_worst_first() -> None:
    known = replace(opened(), severity=Severity.MEDIUM, points=Decimal("2.00"), rule="m", parameter="m", id=5)
    ordered = [
        replace(known, status=CRITICAL, severity=Severity.LOW),
        replace(known, severity=Severity.HIGH, points=Decimal(0)),
        replace(known, points=Decimal("3.00"), rule="z"), replace(known, rule="a", parameter="z"),
        replace(known, parameter="a", id=9), replace(known, id=4), known,
        replace(known, status=CRITICAL, resolved_at=NOON),
    ]  # fmt: skip
    best_first = ordered[::-1]

    assert sorted(best_first, key=lambda incident: incident.order) == ordered


@pytest.mark.parametrize(("parameter", "title"), [("", "lost_rows"), ("CITA", "lost_rows (CITA)")])
def test_an_incident_is_called_by_its_rule_and_parameter(parameter: str, title: str) -> None:
    assert replace(opened(), parameter=parameter).title == title
