"""What runs do to an incident."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.incidents import Change, EventKind, Incident, observe
from checks import Status
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
