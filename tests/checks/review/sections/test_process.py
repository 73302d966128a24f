"""The section of process metrics: each figure by its value, of what lies in the period and of nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks import Severity, Status
from checks.engine.authoring.units import Figure, Measure
from checks.engine.collecting.rules import Rules
from checks.review.sections.process import IMPORTS, PROCESS_METRICS
from checks.review.values import Book, Feed, IncidentRecord, Period, PeriodKind, ReviewInputs
from checks.stored import StoredRun
from tests.checks.review.seasons import NOW

HOUR = timedelta(hours=1)
IN_TIME, EARLIER, LATER = -12 * HOUR, -30 * HOUR, HOUR
"""In the day that is looked at, before it and after it."""


def feed(start: timedelta, outcome: str = "published", **values: Any) -> Feed:
    """A feed that took an hour."""
    plain = {"run": 1, "kind": "schedules", "league": "CITA", "rows": 100, "records": 100, "rejects": 0, "linked": 0}
    times = {"started_at": NOW + start, "finished_at": NOW + start + HOUR}
    return Feed(**{**plain, "unlinked": 0, "changed": 5, "outcome": outcome, **times, **values})


def incident(opened: timedelta, worst: Status = Status.CRITICAL, **values: Any) -> IncidentRecord:
    moments = {name: NOW + at for name, at in values.items() if isinstance(at, timedelta)}
    return IncidentRecord(
        id=1, rule="matches_in_schedule", parameter="", domain="schedule", severity=Severity.HIGH, worst=worst,
        opened_at=NOW + opened, **{**values, **moments},
    )  # fmt: skip


def run(at: timedelta) -> StoredRun:
    """A check of the whole."""
    return StoredRun(
        id=f"run {at}", at=NOW + at, today=(NOW + at).date(), selection="all", scoped=False, another_day=False,
        score=None, gross=None, band="", formula=1, coverage=1.0,
    )  # fmt: skip


def figures(catalogue: Rules, **book: Any) -> dict[str, Figure]:
    inputs = ReviewInputs(Book(**book), catalogue, Period.of(PeriodKind.DAILY, NOW), ())
    return {figure.key: figure for figure in PROCESS_METRICS.rows(inputs)}


def test_imports_of_the_period_alone_are_counted(catalogue: Rules) -> None:
    feeds = (
        *3 * (feed(EARLIER, "failed", rows=7),), feed(IN_TIME, rows=40, records=30, rejects=6),
        feed(IN_TIME, "unchanged"), feed(IN_TIME, "blocked", records=0), feed(IN_TIME, "running", finished_at=None),
        *2 * (feed(LATER, "failed"),), feed(EARLIER, rows=900, records=50), feed(LATER, "unchanged", rows=70),
    )  # fmt: skip

    found = figures(catalogue, feeds=feeds)

    assert found["import_success_rate"].value == pytest.approx(2 / 3)
    assert found["import_success_rate"].detail == "2 of 3 feeds"
    assert found["validation_coverage"].value == pytest.approx(136 / 140)
    assert found["validation_coverage"].detail == "136 of 140 rows"


def test_incidents_of_the_period_alone_are_counted(catalogue: Rules) -> None:
    incidents = (
        incident(EARLIER, notified_at=EARLIER, acknowledged_at=EARLIER + 9 * HOUR, resolved_at=EARLIER + HOUR),
        incident(
            IN_TIME, notified_at=IN_TIME + HOUR, acknowledged_at=IN_TIME + 3 * HOUR, resolved_at=IN_TIME + 7 * HOUR
        ),
        incident(IN_TIME, Status.WARN, resolved_at=IN_TIME + 5 * HOUR),
        incident(LATER, notified_at=LATER, acknowledged_at=2 * LATER, resolved_at=9 * LATER),
    )

    found = figures(
        catalogue,
        incidents=incidents,
        feeds=(feed(IN_TIME - 4 * HOUR), feed(EARLIER - 5 * HOUR), feed(4 * EARLIER, changed=0)),
    )

    spans = {key: (figure.value, figure.detail) for key, figure in found.items() if figure.unit is Measure.HOURS}
    assert spans == {
        "error_detection_time": (22, "0 of 2 in time, longest 22 h"),
        "recovery_time": (7, "0 of 1 in time, longest 7 h"),
        "resolution_time": (5, "1 of 1 in time, longest 5 h"),
        "alert_response_time": (2, "0 of 1 in time, longest 2 h"),
    }


def test_the_table_of_imports_has_those_of_the_period_alone(catalogue: Rules) -> None:
    feeds = (
        feed(EARLIER, "failed", rejects=900, reasons=("too_few_rows",)), feed(IN_TIME, rows=40, rejects=6, unlinked=3),
        feed(IN_TIME, "blocked", rejects=50, changed=0, reasons=("many_rejects",)),
        feed(IN_TIME + HOUR, "unchanged", rows=41, rejects=2, unlinked=4, changed=0), feed(LATER, rows=9, changed=70),
        feed(EARLIER, league="NSTF"),
    )  # fmt: skip
    inputs = ReviewInputs(Book(feeds=feeds), catalogue, Period.of(PeriodKind.DAILY, NOW), ())

    (review,) = IMPORTS.rows(inputs)

    assert IMPORTS.line is not None
    assert IMPORTS.line(review) == "schedules of CITA: 3 imports, 1 refused, 41 rows, 8 rejects, 4 unlinked"
    assert (review.published, review.unchanged, review.blocked, review.failed) == (1, 1, 1, 0)
    assert (review.changed, review.seconds, review.slowest) == (5, 3600, 3600)
    assert (review.last_at, review.reasons) == (NOW + IN_TIME + 2 * HOUR, ("many_rejects",))


def test_checks_of_the_period_alone_are_counted(catalogue: Rules) -> None:
    runs = tuple(run(-days * 24 * HOUR) for days in (9, 8, 5.5, 4, 2.25, -1))
    inputs = ReviewInputs(
        Book(runs=runs, installed=NOW - 80 * HOUR * 24), catalogue, Period.of(PeriodKind.WEEKLY, NOW), runs
    )

    frequency = {figure.key: figure for figure in PROCESS_METRICS.rows(inputs)}["check_frequency"]

    assert frequency.value == pytest.approx(3 / 7)
    assert frequency.detail == "3 of 7 days; longest pause 54 h"


@pytest.mark.parametrize(
    ("resolution", "counted"),
    [
        ("gone", 2.0),
        ("by hand: mended", 2.0),
        ("accepted by a waiver", None),
        ("accepted as usual: CITA has left", None),
    ],
)
def test_what_was_accepted_was_not_repaired(resolution: str, counted: float | None, catalogue: Rules) -> None:
    ended = incident(-3 * HOUR, resolved_at=-HOUR, resolution=resolution)

    assert figures(catalogue, incidents=(ended,))["recovery_time"].value == counted


def test_the_first_day_of_an_installation_is_not_missed_before_its_night(catalogue: Rules) -> None:
    inputs = ReviewInputs(
        Book(installed=NOW - timedelta(hours=2)), catalogue, Period.of(PeriodKind.WEEKLY, NOW), ()
    )  # fmt: skip

    frequency = {figure.key: figure for figure in PROCESS_METRICS.rows(inputs)}["check_frequency"]

    assert (frequency.met, frequency.detail) == (None, "no days; longest pause 2 h")
