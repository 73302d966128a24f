"""A threshold turns a reading into a status. Only the worst level speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import CheckDefinitionError, Status, above, below, hours, percent, rows
from checks.engine.authoring.thresholds import Above, Below

figures = st.floats(0, 1e9, allow_nan=False)
pairs = st.tuples(figures, figures).map(sorted)


@pytest.mark.parametrize(
    ("reading", "status"),
    [
        (0.0, Status.OK),
        (0.01, Status.OK),  # exactly 1 % is still ok
        (0.0100001, Status.WARN),
        (0.05, Status.WARN),
        (0.06, Status.CRITICAL),
    ],
)
def test_above_judges_beyond_its_limits(reading: float, status: Status) -> None:
    assert above(warn=percent(1), critical=percent(5)).judge(reading) is status


@pytest.mark.parametrize(
    ("reading", "status"),
    [(0.99, Status.OK), (0.98, Status.OK), (0.97, Status.WARN), (0.9, Status.WARN), (0.89, Status.CRITICAL)],
)
def test_below_judges_beneath_its_limits(reading: float, status: Status) -> None:
    assert below(warn=percent(98), critical=percent(90)).judge(reading) is status


def test_a_threshold_can_do_without_a_warning() -> None:
    only = above(critical=rows(0))

    assert (only.judge(0), only.judge(1)) == (Status.OK, Status.CRITICAL)


def test_a_threshold_can_do_without_a_critical_limit() -> None:
    assert above(warn=rows(0)).judge(10**9) is Status.WARN


def test_a_threshold_is_said_like_people_say_it() -> None:
    threshold = above(target=percent(0.1), warn=percent(1), critical=percent(5))

    assert str(threshold) == "warn above 1 %, critical above 5 % (target at most 0.1 %)"
    assert str(below(critical=rows(10))) == "critical below 10 rows"


def test_the_target_is_told_apart_from_being_ok() -> None:
    threshold = above(target=percent(0.1), warn=percent(1))

    assert [threshold.on_target(rate) for rate in (0.001, 0.005)] == [True, False]


def test_the_excess_is_how_far_beyond_the_limit_that_was_broken() -> None:
    many, few = above(warn=rows(4), critical=rows(10)), below(warn=rows(10), critical=rows(4))

    assert [many.excess(reading) for reading in (3, 4, 5, 10, 16, 40)] == pytest.approx(
        [0.0, 0.0, 0.2, 0.6, 0.375, 0.75]
    )
    assert [few.excess(reading) for reading in (12, 10, 8, 4, 3, 0, -4)] == pytest.approx(
        [0.0, 0.0, 0.2, 0.6, 0.25, 1.0, 1.0]
    )
    assert above(critical=rows(0)).excess(7) == 1.0
    assert below(critical=rows(0)).excess(-7) == 0.0


def test_a_target_is_reached_on_it() -> None:
    assert [above(target=rows(3), warn=rows(5)).on_target(reading) for reading in (2, 3, 4)] == [True, True, False]
    assert [below(target=rows(3), warn=rows(1)).on_target(reading) for reading in (2, 3, 4)] == [False, True, True]
    assert above(warn=rows(5)).on_target(1) is None
    assert (above(critical=rows(5)).unit, below(warn=hours(5)).unit) == ("rows", "hours")


WRONG: list[tuple[Callable[[], object], str]] = [
    (above, "above() needs at least one of warn= and critical="),
    (
        lambda: above(warn=percent(5), critical=percent(1)),
        "above() has its limits out of order (5 %, 1 %); expected target <= warn <= critical",
    ),
    (
        lambda: above(target=percent(2), warn=percent(1)),
        "above() has its limits out of order (2 %, 1 %); expected target <= warn <= critical",
    ),
    (
        lambda: below(warn=percent(90), critical=percent(98)),
        "below() has its limits out of order (90 %, 98 %); expected target >= warn >= critical",
    ),
    (
        lambda: above(warn=percent(1), critical=rows(5)),
        "above() mixes units (1 %, 5 rows); all limits of a threshold share one unit",
    ),
    (
        lambda: below(critical=percent(100.5)),
        "below() got 100.5 %, which no share can be; expected percent(0) to percent(100)",
    ),
    (
        lambda: below(target=percent(80), warn=percent(90)),
        "below() has its limits out of order (80 %, 90 %); expected target >= warn >= critical",
    ),
    (below, "below() needs at least one of warn= and critical="),
    (
        lambda: above(warn=_bare(5)),
        "above() got the bare value 5; say its unit: percent(5), rows(5) or hours(5)",
    ),
]


@pytest.mark.parametrize(("define", "message"), WRONG)
def test_a_wrong_threshold_fails_where_it_is_written(define: Callable[[], object], message: str) -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        define()

    assert str(refused.value) == message


@given(pairs, st.tuples(figures, figures).map(sorted))
def test_more_is_never_better_above(limits: list[float], readings: list[float]) -> None:
    threshold = Above(rows(limits[0]), rows(limits[1]))
    better, worse = readings

    assert threshold.judge(better).rank <= threshold.judge(worse).rank


@given(pairs, st.tuples(figures, figures).map(sorted))
def test_less_is_never_better_below(limits: list[float], readings: list[float]) -> None:
    threshold = Below(rows(limits[1]), rows(limits[0]))
    worse, better = readings

    assert threshold.judge(better).rank <= threshold.judge(worse).rank


@given(pairs, figures, st.booleans())
def test_the_excess_is_a_share(limits: list[float], reading: float, high: bool) -> None:
    threshold = above(warn=hours(limits[0]), critical=hours(limits[1]))
    other = below(warn=hours(limits[1]), critical=hours(limits[0]))

    assert 0 <= (threshold if high else other).excess(reading) <= 1


@given(pairs)
def test_a_reading_on_its_limit_is_within_it(limits: list[float]) -> None:
    assert above(warn=rows(limits[0]), critical=rows(limits[1])).judge(limits[0]) is Status.OK
    assert below(warn=rows(limits[1]), critical=rows(limits[0])).judge(limits[1]) is Status.OK


def _bare(value: Any) -> Any:
    return value
