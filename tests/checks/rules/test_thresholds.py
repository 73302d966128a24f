"""The standards' figures, as issue 5 gives them, and what lies exactly on them."""

from __future__ import annotations

import pytest

from checks import Above, Status
from checks.rules import thresholds


@pytest.mark.parametrize(
    ("threshold", "target", "warn", "critical"),
    [
        (thresholds.MISSING_TEAMS, 0.01, 0.05, 0.10),
        (thresholds.NULL_IDS, 0.001, 0.01, 0.05),
        (thresholds.DUPLICATES, 0.0001, 0.001, 0.01),
        (thresholds.ORPHANS, 0, 0, 10),
        (thresholds.IMPOSSIBLE, 0, 0, 10),
    ],
)
def test_figures_of_the_standards(threshold: Above, target: float, warn: float, critical: float) -> None:
    assert [limit and limit.value for limit in (threshold.target, threshold.warn, threshold.critical)] == [
        target, warn, critical,
    ]  # fmt: skip
    assert threshold.judge(warn) is Status.OK
    assert threshold.judge(critical) is Status.WARN


def test_three_dead_ids_are_a_warning_in_a_table_of_any_size() -> None:
    """As a rate, three of 9,445 rows were OK although the standard allows none."""
    assert thresholds.ORPHANS.judge(3) is Status.WARN
    assert thresholds.ORPHANS.judge(0) is Status.OK


def test_one_row_is_too_much_for_never() -> None:
    assert thresholds.NEVER.judge(0) is Status.OK
    assert thresholds.NEVER.judge(1) is Status.CRITICAL


def test_205_of_727_teams_without_a_schedule_are_critical() -> None:
    """The incident of 2025."""
    assert thresholds.MISSING_TEAMS.judge(205 / 727) is Status.CRITICAL
