"""Lines through figures: what they must say, and what they must not."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from checks.review.trend import Direction, Point, crossing, trend

NOW = datetime(2025, 6, 30, 6, tzinfo=UTC)


def course(figure: Callable[[int], float], days: int = 60) -> list[Point]:
    """One figure a day, the last one now; `figure` gets the days since the first."""
    return [(NOW - timedelta(days=days - 1 - day), figure(day)) for day in range(days)]


def noise(day: int, size: float = 1.0) -> float:
    """The same on the same day."""
    return random.Random(day).uniform(-size, size)  # noqa: S311 - sample data


def direction(points: list[Point]) -> Direction | None:
    """Where a course goes."""
    found = trend(points, NOW)
    return None if found is None else found.direction


def test_a_rise_is_found_with_its_pace() -> None:
    found = trend(course(lambda day: 10 + 2 * day), NOW)

    assert found is not None
    assert found.direction is Direction.RISING
    assert found.per_day == pytest.approx(2)
    assert found.at(NOW) == pytest.approx(10 + 2 * 59)


def test_outages_do_not_bend_the_line() -> None:
    found = trend(course(lambda day: 900 if day in {20, 21, 22, 44} else day + noise(day)), NOW)

    assert found is not None
    assert found.per_day == pytest.approx(1, abs=0.05)
    assert found.at(NOW) == pytest.approx(59, abs=1)


@pytest.mark.parametrize("seed", range(40))
def test_chance_is_no_trend(seed: int) -> None:
    assert direction(course(lambda day: noise(1_000 * seed + day))) is Direction.STEADY


@pytest.mark.parametrize("day", [10, 20, 30, 40, 50])
def test_one_step_is_no_slope(day: int) -> None:
    assert direction(course(lambda number: 5.0 if number >= day else 1.0)) is Direction.STEADY


def test_the_pace_is_that_of_the_ramp_and_not_of_the_calm_before_it() -> None:
    found = trend(course(lambda day: max(0, day - 40) * 3 + noise(day, 0.5)), NOW)

    assert found is not None
    assert found.per_day == pytest.approx(3, rel=0.05)
    assert found.since >= NOW - timedelta(days=19)


def test_too_few_readings_have_no_trend() -> None:
    assert trend(course(lambda day: day, days=6), NOW) is None


def test_a_figure_that_is_missing_on_many_days_has_no_trend() -> None:
    """The days between the outages lie on one line, but so many slopes are flat that it could as well be chance."""
    outages = {1, 2, 4, 7, 9, 12}
    found = trend(course(lambda day: 0 if day in outages else 40 + 3 * day + noise(day, 0.1), days=14), NOW)

    assert found is not None
    assert found.per_day == pytest.approx(3, rel=0.05)
    assert found.low == 0
    assert found.direction is Direction.STEADY


def test_old_readings_have_no_trend() -> None:
    old = [(at - timedelta(days=100), figure) for at, figure in course(lambda day: day)]

    assert trend(old, NOW) is None


def test_a_figure_that_never_changes_is_steady() -> None:
    assert direction(course(lambda _: 7.0)) is Direction.STEADY


def test_of_many_readings_a_day_the_last_counts() -> None:
    points = course(float)
    earlier = [(at - timedelta(hours=1), 500.0) for at, _ in points]

    assert trend([*earlier, *points], NOW) == trend(points, NOW)


def test_the_crossing_is_where_the_line_meets_the_limit() -> None:
    found = trend(course(lambda day: 10 + 2 * day), NOW)
    assert found is not None

    ahead = crossing(found, 10 + 2 * 69, "WARN")

    assert ahead is not None
    assert ahead.days(NOW) == pytest.approx(10)


def test_a_noisy_crossing_lies_between_its_bounds() -> None:
    found = trend(course(lambda day: 10 + 2 * day + noise(day, 8)), NOW)
    assert found is not None

    ahead = crossing(found, 10 + 2 * 79, "WARN")

    assert ahead is not None
    assert ahead.latest is not None
    assert ahead.earliest < NOW + timedelta(days=20) < ahead.latest + timedelta(days=1)


@pytest.mark.parametrize("limit", [-50.0, 20.0, 100_000.0])
def test_a_limit_behind_or_far_ahead_is_not_crossed(limit: float) -> None:
    found = trend(course(lambda day: 10 + 2 * day), NOW)
    assert found is not None

    assert crossing(found, limit, "WARN") is None


def test_a_falling_figure_crosses_what_lies_below() -> None:
    found = trend(course(lambda day: 100 - day), NOW)
    assert found is not None

    ahead = crossing(found, 31, "watch")

    assert ahead is not None
    assert ahead.days(NOW) == pytest.approx(10)


def handed_on(seed: int, share: float, days: int = 60, slope: float = 0.0) -> list[Point]:
    """Figures of which each has that share of the deviation of the one before; a share of 1 is a random walk."""
    chance = random.Random(seed)  # noqa: S311 - sample data
    deviation, figures = 0.0, []
    for day in range(days):
        deviation = share * deviation + chance.gauss(0, 1)
        figures.append(deviation + slope * day)
    return course(figures.__getitem__, days)


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_what_one_day_hands_on_to_the_next_is_no_trend(share: float) -> None:
    wrong = [seed for seed in range(60) if direction(handed_on(seed, share)) is not Direction.STEADY]

    assert len(wrong) <= 2


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_ramp_is_found_though_days_hang_together(share: float) -> None:
    found = [direction(handed_on(seed, share, slope=0.25)) for seed in range(20)]

    assert found.count(Direction.RISING) >= 16
    assert Direction.FALLING not in found


@pytest.mark.parametrize("doubles_in", [5, 10, 20, 40])
@pytest.mark.parametrize("size", [0.0, 0.3])
def test_growth_that_quickens_is_not_forecast_beyond_the_band(doubles_in: int, size: float) -> None:
    found = trend(course(lambda day: 10 * 2 ** (day / doubles_in) + noise(day, size)), NOW)
    assert found is not None

    for ahead in (5, 10, 20, 60):
        foreseen = crossing(found, 10 * 2 ** ((59 + ahead) / doubles_in), "WARN")
        truth = NOW + timedelta(days=ahead)
        assert foreseen is None or foreseen.earliest - timedelta(days=1) <= truth


def test_what_rises_steadily_after_a_fall_is_forecast() -> None:
    """It turned round: that its pace was another one before is no growth that quickens."""
    found = trend(course(lambda day: 200 - 2 * day if day < 46 else 110 + 5 * (day - 46)), NOW)
    assert found is not None

    ahead = crossing(found, 110 + 5 * (59 - 46) + 20, "WARN")

    assert (found.direction, found.even, found.points) == (Direction.RISING, True, 14)
    assert ahead is not None
    assert ahead.days(NOW) == pytest.approx(4)


def test_a_forecast_leads_no_farther_than_twice_its_window() -> None:
    found = trend(course(lambda day: 10 + 2 * day, days=20), NOW)
    assert found is not None

    assert crossing(found, 10 + 2 * (19 + 30), "WARN") is not None
    assert crossing(found, 10 + 2 * (19 + 45), "WARN") is None
