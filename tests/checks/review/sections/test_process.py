"""The section of process metrics: what counts as repaired."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checks import Severity, Status
from checks.engine.collecting.rules import Rules
from checks.review.sections.process import PROCESS_METRICS
from checks.review.values import Book, IncidentRecord, Period, PeriodKind, ReviewInputs
from tests.checks.review.seasons import NOW


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
    incident = IncidentRecord(
        id=1, rule="matches_in_schedule", parameter="", domain="schedule", severity=Severity.HIGH,
        worst=Status.CRITICAL, opened_at=NOW - timedelta(hours=3), resolved_at=NOW - timedelta(hours=1),
        resolution=resolution,
    )  # fmt: skip
    inputs = ReviewInputs(Book(incidents=(incident,)), catalogue, Period.of(PeriodKind.DAILY, NOW), ())

    figures = {figure.key: figure.value for figure in PROCESS_METRICS.rows(inputs)}

    assert figures["recovery_time"] == counted


def test_the_first_day_of_an_installation_is_not_missed_before_its_night(catalogue: Rules) -> None:
    inputs = ReviewInputs(
        Book(installed=NOW - timedelta(hours=2)), catalogue, Period.of(PeriodKind.WEEKLY, NOW), ()
    )  # fmt: skip

    frequency = {figure.key: figure for figure in PROCESS_METRICS.rows(inputs)}["check_frequency"]

    assert (frequency.met, frequency.detail) == (None, "no days; longest pause 2 h")
