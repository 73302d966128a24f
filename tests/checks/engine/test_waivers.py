"""Accepted trouble: out of the score, in the report, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import ColumnElement

from checks import Row, Severity, Status, WaiverError, above, percent, row_check
from checks.engine.judging.findings import fingerprint
from checks.engine.judging.judge import Waiver
from checks.engine.reporting.score import Band
from checks.engine.reporting.verdict import Exit
from tests.checks.engine.conftest import Run, thing, things

Put = Callable[..., None]
LATER, TODAY, EARLIER = date(2025, 7, 31), date(2025, 6, 30), date(2025, 6, 29)


@row_check(things, severity=Severity.HIGH, threshold=above(warn=percent(10), critical=percent(20)))
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


def waiver(**changes: Any) -> Waiver:
    """A waiver of the whole rule."""
    return Waiver(**{"rule": "big", "owner": "kim", "reason": "being moved", "until": LATER, **changes})


def of_row(name: str) -> Waiver:
    """A waiver of one row."""
    return waiver(fingerprint=fingerprint("big", f'["{name}", 1]'))


def test_an_accepted_rule_is_out_of_the_score_and_stays_in_the_report(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    report = run(big, waivers=[waiver()])

    assert (report.of("big").status, report.of("big").accepted) == (Status.CRITICAL, True)
    assert (report.score, report.gross.value, report.exit_code()) == (Decimal(100), Decimal("40.00"), Exit.HEALTHY)
    assert report.trouble == ()


def test_an_accepted_row_is_left_out_of_the_judgement(run: Run, put: Put) -> None:
    put(thing("a", size=10), *(thing(f"ok{n}") for n in range(4)))

    result = run(big, waivers=[of_row("a")]).of("big")

    assert (result.status, result.gross_status, result.count, result.waived) == (Status.OK, Status.WARN, 1, 1)


def test_the_rows_that_are_not_accepted_count_on(run: Run, put: Put) -> None:
    put(thing("a", size=10), thing("b", size=10), *(thing(f"ok{n}") for n in range(8)))

    result = run(big, waivers=[of_row("a")]).of("big")

    assert (result.status, result.waived, result.examples) == (Status.OK, 1, ({"name": "b", "place_id": 1},))
    assert run(big).of("big").status is Status.WARN


def test_an_accepted_row_is_found_among_very_many(run: Run, put: Put) -> None:
    put(*(thing(f"n{n}", size=10) for n in range(50)))

    result = run(big, waivers=[of_row("n7"), of_row("n8"), of_row("gone")], listed=10).of("big")

    assert (result.count, result.waived) == (50, 2)


def test_a_waiver_holds_on_its_last_day(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    assert run(big, waivers=[waiver(until=TODAY)]).score == 100


def test_a_waiver_that_is_over_fails_where_its_rule_is_in_trouble(run: Run, put: Put) -> None:
    put(*(thing(name, size=1) for name in "abcd"), thing("big", size=10))
    old = waiver(until=EARLIER)

    report = run(big, waivers=[old])

    assert report.of("big").status is Status.WARN
    assert (report.expired, report.band, report.verdict.reason) == ((old,), Band.CRITICAL, "the waiver of big is over")
    assert report.exit_code() is Exit.FAILED


def test_a_waiver_that_is_over_is_a_remark_where_its_rule_is_well(run: Run, put: Put) -> None:
    put(thing("a"))
    old = waiver(until=EARLIER)

    report = run(big, waivers=[old])

    assert (report.expired, report.band, report.exit_code()) == ((old,), Band.HEALTHY, Exit.HEALTHY)


def test_a_waiver_that_nothing_needs_is_reported(run: Run, put: Put) -> None:
    put(thing("a", size=10), thing("b"))
    used, unused = of_row("a"), of_row("b")

    report = run(big, waivers=[used, unused])

    assert report.unused == (unused,)


def test_a_waiver_of_a_rule_that_is_well_is_not_needed(run: Run, put: Put) -> None:
    put(thing("a"))

    assert run(big, waivers=[waiver()]).unused == (waiver(),)


def test_a_waiver_of_a_rule_that_was_not_selected_is_none_of_this_run(run: Run, put: Put) -> None:
    put(thing("a"))

    report = run(big, waivers=[waiver(rule="other", until=EARLIER)])

    assert (report.expired, report.unused) == ((), ())


@pytest.mark.parametrize("field", ["rule", "owner", "reason"])
def test_a_waiver_without_someone_to_ask_is_none(field: str) -> None:
    with pytest.raises(WaiverError, match=f"a waiver needs {field}=; someone will ask"):
        waiver(**{field: " "})
