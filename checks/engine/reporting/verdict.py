"""What a run as a whole means: one function gives its band, and with it state, exit code and colour.

Healthy has to be earned: no rule CRITICAL, none unmeasured, none with nothing left to measure, and enough looked at of
what counts. What was not measured is neither bad data nor good data, so it makes a run "unknown", unless other rules
have proven the data bad.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol

from checks.engine.authoring.units import Severity, Status, whole_percent
from checks.engine.reporting.score import CENT, HEALTHY, IMPACT_RANGES, WATCH, Band

if TYPE_CHECKING:
    from checks.engine.judging.judge import Waiver

COVERAGE_FLOOR = 0.6
"""The share of what counts that has to be measured before a run can be called healthy."""


class FailOn(StrEnum):
    """Where the bar of a failed run lies."""

    CRITICAL = "critical"
    WARN = "warn"
    NEW = "new"
    NEVER = "never"


class Exit(IntEnum):
    """What a run of rules tells the shell."""

    HEALTHY = 0
    FAILED = 1
    PARTIAL = 5


class Judged(Protocol):
    """What the verdict needs to know of a result."""

    @property
    def rule(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def status(self) -> Status: ...
    @property
    def accepted(self) -> bool: ...
    @property
    def emptied(self) -> bool: ...
    @property
    def left_out(self) -> bool: ...
    @property
    def without_history(self) -> bool: ...
    @property
    def impact(self) -> float: ...
    @property
    def trouble(self) -> bool: ...
    @property
    def is_new(self) -> bool: ...


BAND_COLORS: Mapping[Band, str] = {
    Band.HEALTHY: "green",
    Band.WATCH: "yellow",
    Band.CRITICAL: "red",
    Band.UNKNOWN: "magenta",
}


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """The band of a run and why it is that one, in words that every form of a report shares.

    `unmeasured` says that a rule, or too much of what counts, was not measured; `missed` are the bars of `--fail-on`
    that the run misses.
    """

    band: Band
    reason: str = ""
    unmeasured: bool = False
    missed: frozenset[FailOn] = frozenset()

    @property
    def state(self) -> str:
        """The name of the final state of a flow run: the band, as a name."""
        return self.band.value.capitalize()

    @property
    def color(self) -> str:
        """The colour of the band, on a terminal and on a page."""
        return BAND_COLORS[self.band]

    def exit_code(self, fail_on: FailOn = FailOn.CRITICAL) -> Exit:
        """1 where the bar is missed, 5 where something was not measured, otherwise 0."""
        if fail_on in self.missed:
            return Exit.FAILED
        return Exit.PARTIAL if self.unmeasured else Exit.HEALTHY


def run_verdict(
    results: Sequence[Judged], value: Decimal | None, *, floor: float, expired: Sequence[Waiver] = ()
) -> RunVerdict:
    """The verdict on some results and their score; `value` None is a run that measured nothing.

    `floor` is the least coverage, 0 to 1. An expired waiver counts where its rule is in trouble.
    """
    trouble = [result for result in results if result.trouble]
    over = [waiver for waiver in expired if waiver.rule in {result.rule for result in trouble}]
    bad = _proof(trouble, value, over)
    gap = _gap(results, trouble, value, floor)
    missed = _missed(trouble, bad=bool(bad), over=bool(over))
    if bad:
        return RunVerdict(Band.CRITICAL, bad, bool(gap), missed)
    if gap or value is None:
        return RunVerdict(Band.UNKNOWN, gap, True, missed)
    low = value < HEALTHY
    return RunVerdict(
        Band.WATCH if low else Band.HEALTHY, f"the score is below {HEALTHY}" if low else "", False, missed
    )


def coverage_of(results: Iterable[Judged]) -> float:
    """The share of what counts that was measured, 0 without any.

    Each rule weighs what it would cost the score not to measure it; one with parameters counts once. Accepted rules
    that were not measured do not count, nor do those that are switched off, and figures that have no history yet to be
    judged by.
    """
    counted = [
        result
        for result in results
        if result.status.measured or not (result.accepted or result.left_out or result.without_history)
    ]
    parameters = Counter(result.rule for result in counted)
    weights = [(result.status.measured, _weight(result) / parameters[result.rule]) for result in counted]
    whole = math.fsum(weight for _, weight in weights)
    return math.fsum(weight for measured, weight in weights if measured) / whole if whole else 0.0


def _weight(result: Judged) -> float:
    return IMPACT_RANGES[result.severity, Status.ERROR][1]


def _proof(trouble: Sequence[Judged], value: Decimal | None, over: Sequence[Waiver]) -> str:
    """Why the data is known to be bad; empty where nothing proves it."""
    critical = [result.title for result in trouble if result.status is Status.CRITICAL]
    if critical:
        return f"{critical[0]} is CRITICAL" if len(critical) == 1 else f"{len(critical)} rules are CRITICAL"
    if over:
        return f"the waiver of {over[0].rule} is over"
    if value is not None and _of_measured(trouble, value) < WATCH:
        return f"the score is below {WATCH}"
    return ""


def _of_measured(trouble: Sequence[Judged], value: Decimal) -> float:
    """What the score is at most with what could not be measured left out: that proves nothing.

    A score is rounded down to hundredths: with forty that could not be measured 0.00 may be of anything.
    """
    lost = [1 - result.impact for result in trouble if result.status is Status.ERROR]
    return float(value + CENT if lost else value) / math.prod(lost)


def _gap(results: Sequence[Judged], trouble: Sequence[Judged], value: Decimal | None, floor: float) -> str:
    """Why the run has not seen enough; empty where it has."""
    if value is None:
        return "nothing could be measured"
    emptied = [result.title for result in trouble if result.emptied]
    lost = [result.title for result in trouble if result.status is Status.ERROR and not result.emptied]
    reasons = [
        _said(emptied, "has", "have", "nothing to measure any more"),
        _said(lost, "could", "could", "not be measured"),
        _said_coverage(coverage_of(results), floor),
    ]
    return "; ".join(filter(None, reasons))


def _said(titles: Sequence[str], one: str, many: str, what: str) -> str:
    if len(titles) == 1:
        return f"{titles[0]} {one} {what}"
    return f"{len(titles)} rules {many} {what}" if titles else ""


def _said_coverage(coverage: float, floor: float) -> str:
    # rounded down, so that 59.9 % is not said to be 60 %
    if coverage >= floor:
        return ""
    return f"only {whole_percent(coverage)} % of what counts was measured, at least {floor * 100:g} % is needed"


def _missed(trouble: Sequence[Judged], *, bad: bool, over: bool) -> frozenset[FailOn]:
    warned = any(result.status is Status.WARN for result in trouble)
    new = over or any(result.is_new for result in trouble if result.status is not Status.ERROR)
    found = {FailOn.CRITICAL: bad, FailOn.WARN: bad or warned, FailOn.NEW: new}
    return frozenset(bar for bar, missed in found.items() if missed)


MOST_NEWS = 3
"""Sentences of a line; the rest is counted."""


def _joined(sentences: tuple[str, ...], most: int) -> str:
    more = [f"{len(sentences) - most} more"] if len(sentences) > most else []
    return "; ".join([*sentences[:most], *more])


@dataclass(frozen=True, slots=True)
class News:
    """What is new and what is gone, each a sentence, worst first; `label` says since when: "since yesterday"."""

    since: datetime
    label: str
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def line(self, most: int = MOST_NEWS) -> str:
        """All of it in one line, so many sentences of each at most; empty where nothing is new and nothing is gone."""
        parts = ((f"New {self.label}".rstrip(), self.new), ("Gone", self.gone))
        return " ".join(f"{word}: {_joined(sentences, most)}." for word, sentences in parts if sentences)
