"""Limits say their unit, and are said like people say them."""

from __future__ import annotations

from typing import Any

import pytest

from checks import CheckDefinitionError, Severity, Status, days, hours, percent, rows
from checks.engine.authoring.units import count_text, whole_percent


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
