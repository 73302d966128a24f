"""Thresholds that an entry of rally.toml changes: of every sort, each in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import ColumnElement, func

from checks import CheckDefinitionError, Row, Severity, above, below, change, drop, metric_check, outlier, percent
from checks.engine.authoring.thresholds import Threshold
from checks.engine.collecting.rules import Rules
from checks.ready.overrides import override_rules, read_override
from etl.tables import schedule

FALL = change(drop=(percent(10), percent(30)))
BOTH = change(drop=(percent(10), percent(30)), growth=(percent(50), percent(200)), window=7)


def threshold_of(threshold: Threshold, **said: Any) -> str:
    """A rule's threshold as an entry changes it, in words."""

    @metric_check(schedule, severity=Severity.LOW, threshold=threshold)
    def counted(row: Row) -> ColumnElement[int]:
        """So many."""
        return func.count()

    entry = {"name": "counted", "line": "rally.toml:3", **said}
    return str(override_rules(Rules.of(counted), [read_override(entry)])["counted"].threshold)


@pytest.mark.parametrize(
    ("threshold", "said", "told"),
    [
        (above(warn=percent(1)), {"critical": "5 %"}, "warn above 1 %, critical above 5 %"),
        (below(warn=percent(90)), {"warn": "95 %", "target": "99 %"}, "warn below 95 % (target at least 99 %)"),
        (
            drop(warn=percent(10), critical=percent(30)), {"warn": "5 %", "window": 28},
            "warn at a drop of more than 5 %, critical 30 % (median of 28 days)",
        ),
        (outlier(), {"critical": 10, "window": 30}, "warn beyond 3.5 deviations, critical 10 (of the last 30 days)"),
        (FALL, {"critical": "50 %"}, "warn at a drop of more than 10 %, critical at a drop of more than 50 %"
         " (median of 14 days)"),
        (FALL, {"warn": False, "window": 1}, "critical at a drop of more than 30 % (the day before)"),
        (FALL, {"drop": False, "growth": ["20 %", "80 %"]}, "warn at a growth of more than 20 %,"
         " critical at a growth of more than 80 % (median of 14 days)"),
        (BOTH, {"growth": [False, "300 %"]}, "warn at a drop of more than 10 %, critical at a drop of more than 30 %,"
         " critical at a growth of more than 300 % (median of 7 days)"),
    ],
)  # fmt: skip
def test_limits_of_every_sort_can_be_other(threshold: Threshold, said: dict[str, Any], told: str) -> None:
    assert threshold_of(threshold, **said) == told


@pytest.mark.parametrize(
    ("threshold", "said", "told"),
    [
        (BOTH, {"warn": "5 %"}, "say drop or growth, each as [warn, critical]"),
        (FALL, {"target": "5 %"}, "it takes drop, growth, window, warn, critical and no target"),
        (above(warn=percent(1)), {"drop": ["1 %", "2 %"]}, "it takes warn, critical, target and no drop"),
        (above(warn=percent(1)), {"warn": 5}, "'5' is no limit; expected such as '5 %'"),
        (FALL, {"drop": ["30 %", "10 %"]}, "out of order"),
        (FALL, {"drop": ["30 %"]}, "drop"),
        (FALL, {"window": 0}, "too short"),
        (outlier(), {"warn": "a lot"}, "expected numbers such as warn = 3.5"),
    ],
)
def test_limits_that_a_sort_does_not_have_are_refused_with_what_it_has(
    threshold: Threshold, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(CheckDefinitionError, match=r"^rally\.toml:3") as refused:
        threshold_of(threshold, **said)

    assert told in str(refused.value)
