"""Thresholds tried on stored nights."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func

from checks import CheckDefinitionError, Row, Severity, Status, above, drop, metric_check, outlier, percent, row_check
from checks.engine.authoring.thresholds import Threshold
from checks.engine.collecting.rules import Rules
from checks.review.backtest import ThresholdOptions, backtest, parse_threshold
from checks.stored import StoredResult
from etl.tables import schedule

FIRST = datetime(2025, 6, 1, 6, tzinfo=UTC)


@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(1), critical=percent(5)))
def nowhere(row: Row) -> ColumnElement[bool]:
    """A match without a place."""
    return row.location.is_(None)


@metric_check(schedule, severity=Severity.LOW, threshold=drop(warn=percent(10), critical=percent(50)))
def volume(row: Row) -> ColumnElement[Any]:
    """Matches."""
    return func.count()


RULES = Rules.of(nowhere, volume)


def reading(
    night: int,
    *,
    count: int | None = None,
    value: float | None = None,
    status: Status = Status.OK,
    accepted: bool = False,
) -> StoredResult:
    """A stored result, of a hundred rows."""
    rows = count is not None
    return StoredResult(
        run=str(night), at=FIRST + timedelta(days=night), rule="r", parameter="", domain="d", severity=Severity.LOW,
        status=status, gross_status=status, summary="", threshold="", count=count, total=100 if rows else None,
        rate=count / 100 if count is not None else None, value=value, points=Decimal(0), accepted=accepted,
    )  # fmt: skip


def alerts(threshold: Threshold, *readings: StoredResult) -> list[int]:
    """The nights on which a threshold would have alerted."""
    return [(night.at - FIRST).days for night in backtest({("r", ""): readings}, threshold) if night.then.failing]


def test_rows_are_judged_by_the_other_limit() -> None:
    nights = [reading(night, count=count) for night, count in enumerate((0, 2, 3, 9))]

    assert alerts(above(warn=percent(2)), *nights) == [2, 3]


def test_a_metric_is_compared_with_the_past_of_its_night() -> None:
    nights = [reading(night, value=value) for night, value in enumerate((100, 100, 100, 60, 100, 100))]

    assert alerts(drop(warn=percent(30), critical=percent(50)), *nights) == [3]


def test_the_first_nights_of_a_metric_cannot_alert() -> None:
    nights = [reading(night, value=value) for night, value in enumerate((100, 1, 100, 1))]

    assert alerts(outlier(), *nights) == []


def test_accepted_nights_are_not_what_is_usual() -> None:
    nights = [reading(n, value=1, accepted=True) for n in range(9)] + [reading(9 + n, value=100) for n in range(4)]

    assert alerts(drop(warn=percent(10), critical=percent(50)), *nights, reading(14, value=50)) == [14]


def test_what_was_not_measured_stays_what_it_was() -> None:
    (night,) = backtest({("r", ""): [reading(0, status=Status.ERROR)]}, above(warn=percent(2)))

    assert night.then is Status.ERROR


@pytest.mark.parametrize(
    ("rule", "wanted", "said"),
    [
        ("nowhere", ThresholdOptions(), "warn above 1 %, critical above 5 %"),
        ("nowhere", ThresholdOptions(warn="2%"), "warn above 2 %, critical above 5 %"),
        ("nowhere", ThresholdOptions(warn="2"), "warn above 2 %, critical above 5 %"),
        ("nowhere", ThresholdOptions(warn="3 rows", critical="7 rows"), "warn above 3 rows, critical above 7 rows"),
        ("volume", ThresholdOptions(window=21), "warn at a drop of more than 10 %, critical 50 % (median of 21 days)"),
        ("volume", ThresholdOptions("outlier", "4", "8"), "warn beyond 4 deviations, critical 8 (of the last 14 days)"),
        ("volume", ThresholdOptions("below", warn="500 rows"), "warn below 500 rows"),
    ],
)
def test_thresholds_as_they_are_typed(rule: str, wanted: ThresholdOptions, said: str) -> None:
    assert str(parse_threshold(RULES[rule], wanted)) == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (ThresholdOptions(warn="lots"), "'lots' is no limit; expected a figure such as 2%, '5 rows' or '26 hours'"),
        (ThresholdOptions("sideways"), "--as 'sideways' is no threshold; expected one of above, below, drop, outlier"),
        (
            ThresholdOptions("drop", warn="5%"),
            "--as drop needs both --warn and --critical, such as --warn 20% --critical 50%",
        ),
        (ThresholdOptions("outlier", warn="5%"), "'5%' is no number of deviations; expected e.g. 3.5"),
    ],
)
def test_a_threshold_that_cannot_be_is_told(wanted: ThresholdOptions, said: str) -> None:
    with pytest.raises(CheckDefinitionError) as caught:
        parse_threshold(RULES["nowhere"], wanted)

    assert str(caught.value) == said
