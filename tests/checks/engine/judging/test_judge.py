"""A reading becomes a verdict, accepted rows left out; waivers and what is remembered say of what they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest

from checks import Status, above, below, drop, percent, rows
from checks.engine.authoring import WaiverError
from checks.engine.authoring.thresholds import Threshold
from checks.engine.judging.findings import Findings
from checks.engine.judging.judge import Baseline, Located, Verdict, Waiver, Waivers, judge
from checks.engine.measuring.measure import Measurement

CRITICAL, OK, SKIPPED, WARN = Status.CRITICAL, Status.OK, Status.SKIPPED, Status.WARN
SHARE = above(warn=percent(10), critical=percent(50))
ROWS = above(warn=rows(2), critical=rows(8))
FALL = drop(warn=percent(20), critical=percent(50))
NO_ROWS, NO_VALUE = "nothing to measure: no rows", "nothing to measure: no value"


def read(count: int | None = None, total: int | None = None, value: float | None = None) -> Measurement:
    return Measurement(count=count, total=total, value=value)


@pytest.mark.parametrize(
    ("threshold", "reading", "waived", "verdict"),
    [
        (SHARE, read(1, 10), 0, Verdict(OK)), (SHARE, read(2, 10), 0, Verdict(WARN, 0.2)),
        (SHARE, read(2, 10), 1, Verdict(OK)), (SHARE, read(7, 10), 1, Verdict(CRITICAL, 0.6)),
        (SHARE, read(1, 10), 3, Verdict(OK)), (SHARE, read(0, 0), 0, Verdict(SKIPPED, note=NO_ROWS)),
        (SHARE, read(12, 10), 0, Verdict(CRITICAL, 1.0)), (SHARE, read(0, 10), 0, Verdict(OK)),
        (ROWS, read(2, 10), 0, Verdict(OK)), (ROWS, read(3, 10), 0, Verdict(WARN, 0.3)),
        (ROWS, read(9, 10), 0, Verdict(CRITICAL, 0.9)), (ROWS, read(10, 100), 7, Verdict(WARN, 0.03)),
        (ROWS, read(4), 0, Verdict(WARN, 0.5)), (ROWS, read(32), 0, Verdict(CRITICAL, 0.75)),
        (ROWS, read(32), 30, Verdict(OK)),
        (ROWS, read(value=4), 0, Verdict(WARN, 0.5)), (ROWS, read(value=2), 0, Verdict(OK)),
        (ROWS, read(), 0, Verdict(SKIPPED, note=NO_VALUE)),
    ],
)  # fmt: skip
def test_a_reading_is_judged_by_its_threshold(
    threshold: Threshold, reading: Measurement, waived: int, verdict: Verdict
) -> None:
    assert judge(threshold, reading, waived=waived) == verdict


@pytest.mark.parametrize(
    ("value", "baseline", "verdict"),
    [
        (100.0, (100, 100, 100), Verdict(OK)), (75.0, (100, 100, 100), Verdict(WARN, 0.25)),
        (25.0, (100, 100, 100), Verdict(CRITICAL, 0.75)), (None, (100, 100, 100), Verdict(SKIPPED, note=NO_VALUE)),
        (1.0, (), Verdict(SKIPPED, note="cannot compare yet: 0 earlier readings in order, 3 are needed")),
        (1.0, (5,), Verdict(SKIPPED, note="cannot compare yet: 1 earlier reading in order, 3 are needed")),
        (1.0, (5, 6), Verdict(SKIPPED, note="cannot compare yet: 2 earlier readings in order, 3 are needed")),
    ],
)  # fmt: skip
def test_a_figure_is_judged_by_its_history(value: float | None, baseline: tuple[float, ...], verdict: Verdict) -> None:
    assert judge(FALL, read(value=value), baseline) == verdict


def test_a_figure_that_has_to_be_large_weighs_what_it_lacks() -> None:
    assert judge(below(warn=rows(8)), read(value=2)) == Verdict(WARN, 0.75)


WAIVER = Waiver(rule="lost", owner="kim", reason="off season", until=date(2025, 3, 2))


@pytest.mark.parametrize("name", ["rule", "owner", "reason"])
@pytest.mark.parametrize("value", ["", "  "])
def test_a_waiver_says_what_and_who_and_why(name: str, value: str) -> None:
    with pytest.raises(WaiverError, match=f"^a waiver needs {name}=; someone will ask$"):
        replace(WAIVER, **cast("Any", {name: value}))


@pytest.mark.parametrize(("day", "expired"), [(1, False), (2, False), (3, True)])
def test_a_waiver_holds_on_its_last_day(day: int, expired: bool) -> None:
    assert WAIVER.expired(date(2025, 3, day)) is expired


def test_a_waiver_says_what_it_accepts() -> None:
    said = "accepted until 2025-03-02 by kim: off season"

    assert str(WAIVER) == f"lost, {said}"
    assert str(replace(WAIVER, fingerprint=255, key="7 | CITA")) == f"lost 7 | CITA, {said}"
    assert str(replace(WAIVER, fingerprint=255)) == f"lost 00000000000000ff, {said}"


def test_waivers_are_those_of_the_rules_of_a_run_by_whether_they_are_over() -> None:
    row = replace(WAIVER, fingerprint=8, until=date(2025, 3, 9))
    late = replace(WAIVER, rule="late", until=date(2025, 2, 1))
    strange = replace(WAIVER, rule="strange")

    found = Waivers.of([WAIVER, row, late, strange], ["lost", "late"], date(2025, 3, 2))

    assert found == Waivers(valid=(WAIVER, row), expired=(late,))
    assert [found.whole(rule) for rule in ("lost", "late", "strange")] == [True, False, False]
    assert [found.fingerprints(rule) for rule in ("lost", "late")] == [frozenset({8}), frozenset()]
    assert not Waivers(valid=(row,)).whole("lost")


def test_a_waiver_is_unused_whose_rule_is_well_or_whose_row_is_not_bad() -> None:
    row, other = replace(WAIVER, fingerprint=8), replace(WAIVER, rule="late", fingerprint=8)
    found = Waivers(valid=(WAIVER, row, other))

    assert found.unused([], frozenset()) == (WAIVER, row, other)
    assert found.unused(["lost"], frozenset()) == (row, other)
    assert found.unused(["lost", "late"], frozenset({("lost", 8)})) == (other,)
    assert found.unused([], frozenset({("late", 8), ("lost", 9)})) == (WAIVER, row)


ID = ("lost", "CITA")
KNOWN = Findings(3)
STOOD = Located(failing=True)
REMEMBERED = Baseline(findings={ID: KNOWN}, bases={ID: "digest"}, located={ID: STOOD})


@pytest.mark.parametrize(
    ("basis", "count", "unchanged"),
    [("digest", 3, True), ("digest", 4, False), ("other", 3, False), (None, 3, False), ("", 3, False)],
)
def test_bad_rows_are_those_of_before_with_the_same_basis_and_number(
    basis: str | None, count: int, unchanged: bool
) -> None:
    assert REMEMBERED.unchanged(ID, basis, count) is (KNOWN if unchanged else None)


def test_without_a_basis_nothing_is_unchanged() -> None:
    assert replace(REMEMBERED, bases={ID: ""}).unchanged(ID, "", 3) is None
    assert replace(REMEMBERED, findings={}).unchanged(ID, "digest", 3) is None


@pytest.mark.parametrize(
    ("basis", "reading", "threshold", "stood"),
    [
        ("digest", read(3, 10), SHARE, True), ("digest", read(3, 100), SHARE, False),
        ("digest", read(4, 10), SHARE, False),
        ("other", read(3, 10), SHARE, False), ("digest", None, SHARE, False), ("digest", read(), SHARE, False),
    ],
)  # fmt: skip
def test_bad_rows_stand_where_they_stood_when_they_are_the_same_and_judged_the_same(
    basis: str, reading: Measurement | None, threshold: Threshold, stood: bool
) -> None:
    assert REMEMBERED.located_as(ID, basis, reading, threshold) is (STOOD if stood else None)


def test_where_nothing_stood_nothing_is_known() -> None:
    assert replace(REMEMBERED, located={}).located_as(ID, "digest", read(3, 10), SHARE) is None
    assert Baseline(measured={ID: datetime(2025, 3, 1, tzinfo=UTC)}).located_as(ID, "", read(0, 10), SHARE) is None


SKETCHED = replace(REMEMBERED, findings={ID: Findings(3, sketch={})}, digests={ID: "sum"})


def test_very_many_bad_rows_are_those_of_before_with_the_same_sum_of_hashes_and_number() -> None:
    found = SKETCHED.findings[ID]

    assert SKETCHED.unchanged(ID, "other", 3, "sum") is SKETCHED.unchanged(ID, "digest", 3, "another") is found
    assert SKETCHED.unchanged(ID, "other", 4, "sum") is SKETCHED.unchanged(ID, "other", 3, "another") is None
    assert replace(SKETCHED, digests={ID: ""}).unchanged(ID, "other", 3) is None


@pytest.mark.parametrize(
    ("baseline", "basis", "had"),
    [
        (SKETCHED, "other", True), (SKETCHED, "digest", False), (SKETCHED, "", True), (REMEMBERED, "other", False),
        (Baseline(), "other", False), (replace(SKETCHED, bases={}), "other", True),
    ],
)  # fmt: skip
def test_very_many_bad_rows_are_looked_for_anew_on_another_basis(baseline: Baseline, basis: str, had: bool) -> None:
    assert baseline.had_many(ID, lambda id_: basis) is had


@pytest.mark.parametrize(
    ("basis", "reading", "digest"),
    [
        ("digest", read(3, 10), "sum"), ("digest", read(4, 10), ""), ("other", read(3, 10), ""),
        ("digest", None, ""), ("digest", read(), ""),
    ],
)  # fmt: skip
def test_a_sum_of_hashes_holds_as_long_as_nothing_below_was_written(
    basis: str, reading: Measurement | None, digest: str
) -> None:
    assert SKETCHED.digest(ID, basis, reading) == digest
    assert replace(SKETCHED, digests={}).digest(ID, basis, reading) == ""
