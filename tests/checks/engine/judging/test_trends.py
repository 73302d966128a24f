"""A metric judged on its own past."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, func

from checks import (
    CheckDefinitionError,
    Row,
    Severity,
    Status,
    above,
    below,
    change,
    drop,
    metric_check,
    outlier,
    percent,
    rows,
)  # fmt: skip
from tests.checks.engine.conftest import Run, things

DROP = drop(warn=percent(20), critical=percent(50))
OUTLIER = outlier(warn=3.5, critical=7)


@pytest.mark.parametrize(
    ("reading", "status"),
    [(100, Status.OK), (80, Status.OK), (79, Status.WARN), (50, Status.WARN), (49, Status.CRITICAL), (400, Status.OK)],
)
def test_a_drop_is_measured_from_the_median(reading: float, status: Status) -> None:
    assert DROP.judge(reading, [100, 90, 110, 100]) is status


def test_two_earlier_runs_are_too_few_for_a_drop() -> None:
    assert DROP.judge(0, [100, 100]) is Status.SKIPPED


@pytest.mark.parametrize(("reading", "status"), [(0, Status.OK), (9, Status.OK), (-1, Status.CRITICAL)])
def test_from_a_usual_nothing_only_what_is_less_has_dropped(reading: float, status: Status) -> None:
    """It was SKIPPED for ever, with "too few earlier runs" for a reason."""
    assert DROP.judge(reading, [0, 0, 0]) is status


def test_a_usual_value_below_nothing_can_drop_as_well() -> None:
    assert [DROP.judge(reading, [-100, -100, -100]) for reading in (-90, -130, -151)] == [
        Status.OK, Status.WARN, Status.CRITICAL,
    ]  # fmt: skip


def test_a_drop_looks_at_its_window_only() -> None:
    assert drop(warn=percent(20), critical=percent(50), window=3).judge(10, [100] * 20 + [10, 10, 10]) is Status.OK


@pytest.mark.parametrize(
    ("reading", "status"),
    [(100, Status.OK), (103, Status.OK), (106, Status.WARN), (111, Status.CRITICAL), (89, Status.CRITICAL)],
)
def test_an_outlier_lies_far_from_the_median_on_either_side(reading: float, status: Status) -> None:
    assert OUTLIER.judge(reading, [99, 100, 101, 100, 99, 101, 100]) is status


def test_one_bad_day_in_the_past_does_not_hide_the_next() -> None:
    assert OUTLIER.judge(5000, [99, 100, 101, 100, 99, 101, 5000]) is Status.CRITICAL


def test_four_earlier_runs_are_too_few_for_an_outlier() -> None:
    assert OUTLIER.judge(0, [100, 100, 100, 100]) is Status.SKIPPED


def test_a_past_without_spread_forgives_the_smallest_change() -> None:
    assert OUTLIER.judge(101, [100] * 6) is Status.OK


CHANGE = change(drop=(percent(10), percent(30)), growth=(percent(50), percent(200)), window=5)
USUAL = [900.0, 7.0, 80.0, 60.0, 50.0, 130.0]
"""The median of the last five is 60."""


@pytest.mark.parametrize(
    ("reading", "moved", "status"),
    [
        (60, 0.0, Status.OK), (54, -0.1, Status.OK), (53, -7 / 60, Status.WARN), (42, -0.3, Status.WARN),
        (41, -19 / 60, Status.CRITICAL), (90, 0.5, Status.OK), (91, 31 / 60, Status.WARN), (180, 2.0, Status.WARN),
        (181, 121 / 60, Status.CRITICAL), (-60, -2.0, Status.CRITICAL),
    ],
)  # fmt: skip
def test_a_change_is_judged_by_the_limits_of_its_direction(reading: float, moved: float, status: Status) -> None:
    assert CHANGE.change(reading, USUAL) == pytest.approx(moved)
    assert CHANGE.judge(reading, USUAL) is status
    assert CHANGE.excess(reading, USUAL) == pytest.approx(min(1.0, abs(moved)))


@pytest.mark.parametrize(
    ("reading", "usual", "moved"),
    [(0, 0, 0.0), (1, 0, math.inf), (-1, 0, -math.inf), (-90, -60, -0.5), (-30, -60, 0.5)],
)
def test_a_change_from_nothing_or_from_below_it(reading: float, usual: float, moved: float) -> None:
    assert CHANGE.change(reading, [usual] * 3) == moved


def test_a_change_takes_three_days_to_compare_with_or_its_window() -> None:
    day_before = change(growth=(None, percent(5)), window=1)

    assert (CHANGE.fewest, CHANGE.judge(5, [60, 60]), CHANGE.excess(5, [60, 60])) == (3, Status.SKIPPED, 0.0)
    assert (day_before.fewest, day_before.judge(106, [1, 100]), day_before.judge(1, [100])) == (
        1, Status.CRITICAL, Status.OK,
    )  # fmt: skip


@pytest.mark.parametrize(("fall", "excess"), [(100, 0.0), (75, 0.25), (0, 1.0), (-100, 1.0), (400, 0.0)])
def test_the_excess_of_a_drop_is_the_fall(fall: float, excess: float) -> None:
    assert DROP.excess(fall, [100, 90, 110, 100]) == excess
    assert DROP.excess(fall, [100, 90]) == 0.0


def test_the_distance_of_an_outlier_is_in_deviations() -> None:
    usual = [5000.0, 10, 20, 30, 40, 60]

    outlying = outlier(warn=2, critical=4, window=5)

    assert outlying.distance(60, usual) == pytest.approx(30 / (1.4826 * 10))
    assert [outlying.judge(reading, usual) for reading in (0, 60, 70)] == [Status.WARN, Status.WARN, Status.WARN]
    assert (outlying.judge(30, usual), outlying.judge(-30, usual)) == (Status.OK, Status.CRITICAL)
    assert outlying.excess(60, usual) == pytest.approx(1 - 2 * 1.4826 * 10 / 30)
    assert (outlying.excess(30, usual), outlying.excess(31, usual)) == (0.0, 0.0)
    assert (outlying.distance(202, [200.0] * 5), outlying.distance(3, [0.0] * 5)) == (1.0, 3.0)


def test_trends_are_said_like_people_say_them() -> None:
    assert str(DROP) == "warn at a drop of more than 20 %, critical 50 % (median of 14 days)"
    assert str(OUTLIER) == "warn beyond 3.5 deviations, critical 7 (of the last 14 days)"
    assert str(CHANGE) == (
        "warn at a drop of more than 10 %, critical at a drop of more than 30 %, warn at a growth of more than 50 %, "
        "critical at a growth of more than 200 % (median of 5 days)"
    )
    assert str(change(growth=(None, percent(0)), window=1)) == "critical at any growth (the day before)"


def test_only_what_is_judged_on_its_past_can_lack_one(run: Run) -> None:
    def counted(threshold: Any, name: str) -> Callable[..., Any]:
        def count(row: Row) -> ColumnElement[Any]:
            return func.count(row.size) + 5

        count.__name__ = name
        return metric_check(things, severity=Severity.LOW, threshold=threshold)(count)

    report = run(counted(DROP, "fallen"), counted(above(warn=rows(1)), "many"), counted(below(warn=rows(1)), "few"))

    assert {one.rule: (one.status, one.value, one.relative, one.without_history) for one in report.results} == {
        "fallen": (Status.SKIPPED, 5, True, True), "many": (Status.WARN, 5, False, False),
        "few": (Status.OK, 5, False, False),
    }  # fmt: skip


WRONG: list[tuple[Callable[[], object], str]] = [
    (
        lambda: drop(warn=rows(2), critical=percent(5)),
        "drop(warn=2 rows) is no share of the median; expected percent(...)",
    ),
    (
        lambda: drop(warn=percent(50), critical=percent(20)),
        "drop() has its limits out of order (50 %, 20 %); expected warn <= critical",
    ),
    (
        lambda: drop(warn=percent(50), critical=percent(120)),
        "drop(critical=120 %) can never be passed; a fall is at most 100 %",
    ),
    (
        lambda: drop(warn=percent(50), critical=percent(100)),
        "drop(critical=100 %) can never be passed; a fall is at most 100 %",
    ),
    (
        lambda: drop(warn=percent(1), critical=percent(2), window=2),
        "drop(window=2) is too short; expected at least 3 days",
    ),
    (
        lambda: change(drop=(percent(10), percent(100))),
        "change(drop=100 %) can never be passed; a fall is at most 100 %",
    ),
    (lambda: change(growth=(None, percent(5)), window=0), "change(window=0) is too short; expected at least 1 day"),
    (lambda: outlier(warn=_odd("much")), "outlier(warn=much) is no number of deviations; expected e.g. 3.5"),
    (lambda: outlier(warn=7, critical=3), "outlier() has its limits out of order (7, 3); expected warn <= critical"),
    (lambda: outlier(window=4), "outlier(window=4) is too short; expected at least 5 days"),
]


@pytest.mark.parametrize(("define", "message"), WRONG)
def test_a_wrong_trend_fails_where_it_is_written(define: Callable[[], object], message: str) -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        define()

    assert str(refused.value) == message


@given(st.lists(st.floats(1, 1e6), min_size=5, max_size=30), st.lists(st.floats(0, 1e6), min_size=2, max_size=2))
def test_a_deeper_fall_is_never_judged_milder(baseline: list[float], readings: list[float]) -> None:
    deeper, higher = sorted(readings)

    assert DROP.judge(deeper, baseline).rank >= DROP.judge(higher, baseline).rank
    assert 0 <= DROP.excess(deeper, baseline) <= 1
    assert 0 <= OUTLIER.excess(deeper, baseline) <= 1


def _odd(value: Any) -> Any:
    return value
