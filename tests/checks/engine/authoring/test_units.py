"""Limits say their unit, and are said like people say them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from checks import CheckDefinitionError, Severity, Status, days, hours, percent, rows
from checks.engine.authoring.units import (
    Figure,
    Limit,
    Measure,
    count_text,
    figure_text,
    limit_of,
    points_text,
    severity_of,
    whole_percent,
)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (percent(0.1), "0.1 %"),
        (percent(5), "5 %"),
        (percent(100), "100 %"),
        (percent(0.001), "0.001 %"),
        (rows(1), "1 row"),
        (rows(1405), "1,405 rows"),
        (hours(26), "26 hours"),
        (hours(0.5), "0.5 hours"),
        (hours(24), "24 hours"),
        (days(2), "2 days"),
        (days(1.5), "36 hours"),
    ],
)
def test_a_limit_is_said_like_people_say_it(limit: object, said: str) -> None:
    assert str(limit) == said


@pytest.mark.parametrize("figure", [0.1, 0.3, 1, 5, 7, 29])
def test_a_percentage_is_the_share_that_division_gives(figure: float) -> None:
    assert percent(figure).value == (figure * 10) / 1000


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, "5"])
def test_what_is_no_limit_is_refused(value: Any) -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        rows(value)

    assert str(refused.value) == f"rows({value!r}) is no limit; expected a finite number of at least 0"


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [
        (5, 100, "5 of 100 (5 %)"), (3, 7_000, "3 of 7,000 (0.0429 %)"), (0, 9, "0 of 9 (0 %)"), (0, 0, "0 of 0"),
        (1_405, None, "1,405"), (9_999, 10_000, "9,999 of 10,000 (99.99 %)"),
    ],
)  # fmt: skip
def test_rows_are_told_with_their_share(count: int, total: int | None, text: str) -> None:
    assert count_text(count, total) == text


@pytest.mark.parametrize(("share", "percent"), [(0.8973, 89), (0.29, 29), (0.9999, 99), (1.0, 100), (0.0, 0)])
def test_whole_percent_never_claim_more_than_there_is(share: float, percent: int) -> None:
    assert whole_percent(share) == percent


def test_what_each_status_means() -> None:
    meaning = {status: (status.rank, status.failing, status.measured) for status in Status}

    assert meaning == {
        Status.OK: (0, False, True), Status.SKIPPED: (1, False, False), Status.WARN: (2, True, True),
        Status.ERROR: (3, True, False), Status.CRITICAL: (4, True, True),
    }  # fmt: skip
    assert [severity.rank for severity in (Severity.LOW, Severity.MEDIUM, Severity.HIGH)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (5_600.25, None, "5,600.25"), (0.123456789, None, "0.123457"), (26.5, Measure.HOURS, "26 h 30 min"),
        (1_405.0, Measure.HOURS, "1,405 h"), (0.75, Measure.HOURS, "45 min"), (0.0, Measure.HOURS, "0 min"),
        (1.999, Measure.HOURS, "2 h"), (0.9996, Measure.PERCENT, "99.96 %"), (0.99, Measure.PERCENT, "99 %"),
        (1.0, Measure.PERCENT, "100 %"), (0.98765, Measure.PERCENT, "98.8 %"), (1.234, Measure.PERCENT, "123.4 %"),
        (99.96, Measure.ROWS, "100 rows"), (100.04, Measure.ROWS, "100 rows"), (100.25, Measure.ROWS, "100.2 rows"),
        (1.0, Measure.ROWS, "1 row"), (-1_405.0, Measure.ROWS, "-1,405 rows"),
    ],
)  # fmt: skip
def test_a_reading_is_said_in_its_unit(value: float, unit: Measure | None, text: str) -> None:
    assert figure_text(value, unit) == text


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5 %", percent(5)), (" 0.5percent ", percent(0.5)), ("1 row", rows(1)), ("3 rows", rows(3)),
        ("1 hour", hours(1)), ("26 hours", hours(26)), ("2h", hours(2)), ("1 day", hours(24)), ("7 days", hours(168)),
        ("2d", hours(48)),
    ],
)  # fmt: skip
def test_a_limit_is_read_as_people_write_it(text: str, limit: Limit) -> None:
    assert limit_of(text) == limit


@pytest.mark.parametrize("text", ["5", "% 5", "-5 %", "5 % 3", "5 weeks", ".5 %", "5. %", None, 5, ""])
def test_what_is_written_as_no_limit_is_refused(text: object) -> None:
    with pytest.raises(CheckDefinitionError) as refused:
        limit_of(text)

    expected = "expected such as '5 %', '3 rows', '26 hours' or '7 days'"
    assert str(refused.value) == f"{text!r} is no limit; {expected}"


@pytest.mark.parametrize(
    ("value", "at_least", "met", "said"),
    [
        (1.0, False, True, "Age 1 row (at most 2 rows)"), (2.0, False, True, "Age 2 rows (at most 2 rows)"),
        (3.0, False, False, "Age 3 rows (at most 2 rows, missed)"),
        (1.0, True, False, "Age 1 row (at least 2 rows, missed)"),
        (2.0, True, True, "Age 2 rows (at least 2 rows)"), (3.0, True, True, "Age 3 rows (at least 2 rows)"),
        (None, False, None, "Age unknown (at most 2 rows)"),
    ],
)  # fmt: skip
def test_a_figure_reaches_its_target_on_it(value: float | None, at_least: bool, met: bool | None, said: str) -> None:
    figure = Figure(key="age", title="Age", value=value, unit=Measure.ROWS, target=2, at_least=at_least)

    assert (figure.met, str(figure)) == (met, said)


def test_a_figure_has_to_be_small_where_nothing_else_is_said() -> None:
    assert Figure(key="age", title="Age", value=1, unit=Measure.ROWS, target=2).met is True


@pytest.mark.parametrize(
    ("points", "text"), [("5.10", "-5.10"), ("0.00", ""), ("0.01", "-0.01"), ("0.004", ""), ("0.006", "-0.006")]
)
def test_points_are_a_loss_or_nothing(points: str, text: str) -> None:
    assert points_text(Decimal(points)) == text


def test_a_severity_is_read_in_any_case() -> None:
    assert [severity_of(text) for text in ("high", "Medium", Severity.LOW)] == [
        Severity.HIGH, Severity.MEDIUM, Severity.LOW,
    ]  # fmt: skip
    with pytest.raises(CheckDefinitionError, match="severity 'urgent' is none; expected LOW, MEDIUM, HIGH"):
        severity_of("urgent")
