"""What a run as a whole means, in each of its reasons, and how much of what counts was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from checks import Severity, Status
from checks.engine.judging.judge import Waiver
from checks.engine.reporting.score import IMPACT_RANGES, Band, impact
from checks.engine.reporting.verdict import Exit, FailOn, News, RunVerdict, coverage_of, run_verdict

CRITICAL, ERROR, OK, SKIPPED, WARN = Status.CRITICAL, Status.ERROR, Status.OK, Status.SKIPPED, Status.WARN
LOW, MEDIUM, HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH


@dataclass(frozen=True)
class Seen:
    """What a verdict needs to know of a result."""

    rule: str
    status: Status
    severity: Severity = MEDIUM
    parameter: str = ""
    accepted: bool = False
    emptied: bool = False
    left_out: bool = False
    without_history: bool = False
    is_new: bool = False

    @property
    def title(self) -> str:
        return f"{self.rule} ({self.parameter})" if self.parameter else self.rule

    @property
    def impact(self) -> float:
        return impact(self.severity, self.status, 1.0)

    @property
    def trouble(self) -> bool:
        return self.status.failing and not self.accepted


FINE, WELL = Seen("fine", OK, HIGH), Seen("well", OK, HIGH)
EXPIRED = Waiver(rule="late", owner="kim", reason="off season", until=date(2025, 1, 1))
VERDICTS: list[tuple[list[Seen], str | None, tuple[Band, str, bool, set[FailOn]]]] = [
    ([FINE], "90", (Band.HEALTHY, "", False, set())),
    ([FINE], "89.99", (Band.WATCH, "the score is below 90", False, set())),
    ([FINE], "75", (Band.WATCH, "the score is below 90", False, set())),
    ([FINE], "74.99", (Band.CRITICAL, "the score is below 75", False, {FailOn.CRITICAL, FailOn.WARN})),
    ([FINE, Seen("odd", WARN)], "95", (Band.HEALTHY, "", False, {FailOn.WARN})),
    ([FINE, Seen("odd", WARN, is_new=True)], "95", (Band.HEALTHY, "", False, {FailOn.WARN, FailOn.NEW})),
    ([FINE, Seen("odd", WARN, accepted=True, is_new=True)], "95", (Band.HEALTHY, "", False, set())),
    (
        [FINE, Seen("bad", CRITICAL, LOW, parameter="CITA")], "97",
        (Band.CRITICAL, "bad (CITA) is CRITICAL", False, {FailOn.CRITICAL, FailOn.WARN}),
    ),
    (
        [FINE, Seen("bad", CRITICAL), Seen("worse", CRITICAL, is_new=True), Seen("lost", ERROR, LOW)], "60",
        (Band.CRITICAL, "2 rules are CRITICAL", True, {FailOn.CRITICAL, FailOn.WARN, FailOn.NEW}),
    ),
    ([FINE, Seen("late", OK)], "95", (Band.HEALTHY, "", False, set())),
    (
        [FINE, Seen("late", WARN)], "95",
        (Band.CRITICAL, "the waiver of late is over", False, {FailOn.CRITICAL, FailOn.WARN, FailOn.NEW}),
    ),
    ([FINE, Seen("lost", ERROR, is_new=True)], "76", (Band.UNKNOWN, "lost could not be measured", True, set())),
    # 60 of 100 is what one HIGH rule costs that could not be measured: that proves nothing
    ([FINE, WELL, Seen("lost", ERROR, HIGH)], "40", (Band.UNKNOWN, "lost could not be measured", True, set())),
    (
        [FINE, WELL, Seen("lost", ERROR, HIGH)], "29.98",
        (Band.CRITICAL, "the score is below 75", True, {FailOn.CRITICAL, FailOn.WARN}),
    ),
    ([FINE, WELL, Seen("lost", ERROR, HIGH)], "29.99", (Band.UNKNOWN, "lost could not be measured", True, set())),
    (
        [FINE, WELL, Seen("gone", ERROR, LOW, emptied=True), Seen("b", ERROR, LOW), Seen("c", ERROR, LOW)], "72",
        (Band.UNKNOWN, "gone has nothing to measure any more; 2 rules could not be measured", True, set()),
    ),
    (
        [FINE, Seen("a", ERROR, LOW, emptied=True), Seen("b", ERROR, LOW, emptied=True)], "81",
        (Band.UNKNOWN, "2 rules have nothing to measure any more", True, set()),
    ),
    (
        [Seen("fine", OK, LOW), Seen("idle", SKIPPED, MEDIUM)], "100",
        (Band.UNKNOWN, "only 29 % of what counts was measured, at least 60 % is needed", True, set()),
    ),
    ([Seen("idle", SKIPPED)], None, (Band.UNKNOWN, "nothing could be measured", True, set())),
]  # fmt: skip


@pytest.mark.parametrize(("results", "value", "verdict"), VERDICTS)
def test_a_verdict_says_why(results: list[Seen], value: str | None, verdict: tuple[Any, ...]) -> None:
    found = run_verdict(results, None if value is None else Decimal(value), floor=0.6, expired=[EXPIRED])

    assert (found.band, found.reason, found.unmeasured, found.missed) == verdict


def test_a_missed_bar_goes_before_what_was_not_measured() -> None:
    lost = run_verdict([FINE, Seen("odd", WARN, LOW), Seen("lost", ERROR, LOW)], Decimal(88), floor=0.6)

    exits = {bar: lost.exit_code(bar) for bar in FailOn}
    assert exits == {
        FailOn.CRITICAL: Exit.PARTIAL, FailOn.WARN: Exit.FAILED, FailOn.NEW: Exit.PARTIAL, FailOn.NEVER: Exit.PARTIAL,
    }  # fmt: skip
    assert (lost.state, lost.color) == ("Unknown", "magenta")
    assert run_verdict([FINE], Decimal(99), floor=0.6).exit_code() is Exit.HEALTHY


def test_what_was_measured_weighs_what_it_would_cost_not_to_measure_it() -> None:
    low, medium, high = (IMPACT_RANGES[severity, ERROR][1] for severity in (LOW, MEDIUM, HIGH))
    results = [
        Seen("a", OK, LOW), Seen("b", CRITICAL, HIGH), Seen("c", ERROR, MEDIUM), Seen("d", SKIPPED, HIGH),
        Seen("e", OK, MEDIUM, "CITA"), Seen("e", SKIPPED, MEDIUM, "NSTF"), Seen("e", WARN, MEDIUM, "CNSWPL"),
    ]  # fmt: skip
    not_counted = [
        Seen("f", ERROR, HIGH, accepted=True), Seen("g", SKIPPED, HIGH, left_out=True),
        Seen("h", SKIPPED, HIGH, without_history=True),
    ]  # fmt: skip

    measured = low + high + medium * 2 / 3
    assert coverage_of(results) == pytest.approx(measured / (low + 2 * high + 2 * medium))
    assert coverage_of([*results, *not_counted]) == coverage_of(results)
    assert coverage_of([Seen("a", WARN, LOW, accepted=True), Seen("c", ERROR, LOW)]) == 0.5
    assert coverage_of([]) == 0.0


@pytest.mark.parametrize(
    ("label", "new", "gone", "line"),
    [
        ("since Friday", ("a", "b", "c"), (), "New since Friday: a; b; c."),
        ("since Friday", ("a", "b", "c", "d", "e"), ("f",), "New since Friday: a; b; c; 2 more. Gone: f."),
        ("", ("a",), (), "New: a."), ("since Friday", (), ("f", "g"), "Gone: f; g."), ("since Friday", (), (), ""),
    ],
)  # fmt: skip
def test_news_are_one_line(label: str, new: tuple[str, ...], gone: tuple[str, ...], line: str) -> None:
    assert News(datetime(2025, 2, 27, tzinfo=UTC), label, new, gone).line() == line


def test_so_many_news_of_each_kind_are_said_as_are_asked_for() -> None:
    news = News(datetime(2025, 2, 27, tzinfo=UTC), "", ("a", "b", "c"), ("d", "e"))

    assert [news.line(1), news.line(2)] == ["New: a; 2 more. Gone: d; 1 more.", "New: a; b; 1 more. Gone: d; e."]


@pytest.mark.parametrize(
    ("band", "state", "color"),
    [
        (Band.HEALTHY, "Healthy", "green"), (Band.WATCH, "Watch", "yellow"), (Band.CRITICAL, "Critical", "red"),
        (Band.UNKNOWN, "Unknown", "magenta"),
    ],
)  # fmt: skip
def test_a_band_has_a_name_and_a_colour(band: Band, state: str, color: str) -> None:
    assert (RunVerdict(band).state, RunVerdict(band).color) == (state, color)
