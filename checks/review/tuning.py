"""Thresholds as a person types them, such as `--warn 2% --critical 5%`.

Which of the stored nights a threshold would have alerted.

Stretches of trouble: from the run that saw a rule fail to the run that saw it well again, and which come back.

Proposals for thresholds, each with what it would have done on the stored nights. A person decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import Check
from checks.engine.authoring.thresholds import Above, Below, Drop, Outlier, Threshold, above, below, drop, outlier
from checks.engine.authoring.units import Limit, Measure, Status, hours, percent, rows
from checks.engine.collecting.rules import Rules
from checks.engine.judging.judge import Id, judge
from checks.engine.measuring.measure import Measurement as Measured
from checks.review.time_series import points_of
from checks.review.values import Book, Period, Reading, titled

LIMIT_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|percent|rows?|hours?|h)?\s*")
UNITS = {"%": percent, "percent": percent, "row": rows, "rows": rows, "hour": hours, "hours": hours, "h": hours}
BARE = {Measure.PERCENT: percent, Measure.ROWS: rows, Measure.HOURS: hours}
KINDS = ("above", "below", "drop", "outlier")
WINDOW = 14


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed; what was not stays as the rule has it."""

    kind: str | None = None
    warn: str | None = None
    critical: str | None = None
    window: int | None = None


def threshold_of(rule: Check, wanted: Wanted) -> Threshold:
    """The threshold to try on a rule; raises CheckDefinitionError, which says what would have been right."""
    own = rule.threshold
    kind = wanted.kind or type(own).__name__.lower()
    if kind not in KINDS:
        raise CheckDefinitionError(f"--as {kind!r} is no threshold; expected one of {', '.join(KINDS)}")
    same = kind == type(own).__name__.lower()
    if kind == "outlier":
        return _outlier(own if isinstance(own, Outlier) else outlier(), wanted)
    unit = Measure.PERCENT if kind == "drop" else getattr(own, "unit", None) or Measure.ROWS
    warn, critical = (
        _limit(text, unit) if text is not None else getattr(own, name) if same else None
        for name, text in (("warn", wanted.warn), ("critical", wanted.critical))
    )
    if kind == "drop":
        return _drop(own, warn, critical, wanted.window)
    return _fixed(kind, warn, critical)


def _fixed(kind: str, warn: Limit | None, critical: Limit | None) -> Above | Below:
    # the target is left out: what is tried is when to alert
    return above(warn=warn, critical=critical) if kind == "above" else below(warn=warn, critical=critical)


def _drop(own: Threshold, warn: Limit | None, critical: Limit | None, window: int | None) -> Drop:
    if warn is None or critical is None:
        raise CheckDefinitionError("--as drop needs both --warn and --critical, such as --warn 20% --critical 50%")
    return drop(warn=warn, critical=critical, window=window or (own.window if isinstance(own, Drop) else WINDOW))


def _outlier(own: Outlier, wanted: Wanted) -> Outlier:
    figures = (own.warn if wanted.warn is None else _bare(wanted.warn),
               own.critical if wanted.critical is None else _bare(wanted.critical))  # fmt: skip
    return outlier(warn=figures[0], critical=figures[1], window=wanted.window or own.window)


def _limit(text: str, unit: Measure) -> Limit:
    found = LIMIT_TEXT.fullmatch(text)
    if found is None:
        raise CheckDefinitionError(f"{text!r} is no limit; expected a figure such as 2%, '5 rows' or '26 hours'")
    make = UNITS[found[2]] if found[2] else BARE[unit]
    return make(float(found[1]))


def _bare(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CheckDefinitionError(f"{text!r} is no number of deviations; expected e.g. 3.5") from None


@dataclass(frozen=True, slots=True)
class Night:
    """One stored reading: how it was judged, and how a threshold would judge it."""

    reading: Reading
    then: Status

    @property
    def at(self) -> datetime:
        """When it was read."""
        return self.reading.at


def backtest(history: Mapping[Id, Sequence[Reading]], threshold: Threshold) -> tuple[Night, ...]:
    """Judge every stored reading of a rule anew, oldest first, a metric on the past that it had on its night.

    Readings that were not measured stay what they were; rows that were waived one by one count as bad.
    """
    nights = [night for readings in history.values() for night in _nights(readings, threshold)]
    return tuple(sorted(nights, key=lambda night: (night.at, night.reading.parameter)))


def _nights(readings: Sequence[Reading], threshold: Threshold) -> Iterator[Night]:
    baseline: list[float] = []
    for reading in readings:
        if reading.status is Status.ERROR or (reading.count is None and reading.value is None):
            yield Night(reading, reading.status)
            continue
        figures = Measured(count=reading.count, total=reading.total, value=reading.value)
        yield Night(reading, judge(threshold, figures, baseline).status)
        if reading.value is not None and not reading.accepted:
            baseline.append(reading.value)


AGAIN_AND_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """Runs in a row that saw a rule in trouble; `ended` None: it still is."""

    began: datetime
    ended: datetime | None
    worst: Status
    runs: int


@dataclass(frozen=True, slots=True)
class Recurring:
    """A rule that fails again and again."""

    rule: str
    parameter: str
    domain: str
    stretches: tuple[Stretch, ...]
    share: float

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return titled(self.rule, self.parameter)

    @property
    def said(self) -> str:
        """In words: how often, how much of the time, since when."""
        last = self.stretches[-1]
        now = "failing now" if last.ended is None else f"well since {last.ended:%Y-%m-%d}"
        return f"{len(self.stretches)} times, in {self.share:.0%} of the runs, last from {last.began:%Y-%m-%d}; {now}"


def stretches(readings: Sequence[Reading]) -> tuple[Stretch, ...]:
    """The stretches of trouble among some readings of one rule. What is SKIPPED ends none: it was not seen well."""
    return tuple(_stretches(readings))


def recurring(book: Book, period: Period) -> tuple[Recurring, ...]:
    """The rules that began to fail at least three times in a period, the most frequent first."""
    found = []
    for (rule, parameter), readings in book.readings.items():
        own = [reading for reading in readings if period.covers(reading.at)]
        parts = stretches(own)
        if len(parts) >= AGAIN_AND_AGAIN:
            share = sum(reading.trouble for reading in own) / len(own)
            found.append(Recurring(rule, parameter, own[0].domain, parts, share))
    return tuple(sorted(found, key=lambda one: (-len(one.stretches), -one.share, one.rule, one.parameter)))


def _stretches(readings: Sequence[Reading]) -> Iterator[Stretch]:
    running: list[Reading] = []
    for reading in readings:
        if reading.trouble:
            running.append(reading)
        elif running and (reading.status is Status.OK or reading.accepted):
            yield _stretch(running, reading.at)
            running = []
    if running:
        yield _stretch(running, None)


def _stretch(running: Sequence[Reading], ended: datetime | None) -> Stretch:
    worst = max((reading.status for reading in running), key=lambda status: status.rank)
    return Stretch(running[0].at, ended, worst, len(running))


FEWEST_NIGHTS = 14
ALWAYS = 0.9
ROOM = 1.25
SLACK = 5
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A limit to think about: why, from what to what, and on how many nights each would have alerted."""

    rule: str
    why: str
    now: str
    proposed: str
    nights: int
    alerts_now: int
    alerts_then: int


def proposals(book: Book, rules: Rules, period: Period) -> tuple[Proposal, ...]:
    """A proposal for each rule whose limits do not fit what it read, by name.

    Only rules about rows, and metrics that must not be above a limit: other thresholds adapt by themselves.
    """
    found: list[Proposal] = []
    for rule in rules.values():
        readings = [one for one in book.readings.get((rule.name, ""), ()) if period.covers(one.at)]
        if isinstance(rule.threshold, Above) and rule.threshold.warn is not None:
            found.extend(_proposal(rule, rule.threshold, rule.threshold.warn, readings))
    return tuple(found)


def _proposal(rule: Check, threshold: Above, warn: Limit, readings: Sequence[Reading]) -> Iterator[Proposal]:
    figures = sorted(figure for _, figure in points_of(readings, threshold))
    if len(figures) < FEWEST_NIGHTS or not warn.value:
        return
    failing = sum(reading.trouble for reading in readings) / len(readings)
    # the highest twentieth are the accidents that a limit is there for
    usual = figures[int(0.95 * (len(figures) - 1))]
    wanted = _round_up(usual * ROOM)
    if failing >= ALWAYS:
        why = f"fails in {failing:.0%} of the runs: repair it, accept it until a day, or raise the limit"
    elif len(stretches(readings)) >= AGAIN_AND_AGAIN and usual < 2 * warn.value:
        why = f"goes to and fro across its limit, {len(stretches(readings))} times"
    elif 0 < figures[-1] < warn.value / SLACK:
        wanted, why = _round_up(figures[-1] * 2), "never came near its limit: a lower one would notice earlier"
    else:
        return
    yield from _compared(rule, threshold, warn, wanted, why, readings)


def _compared(  # noqa: PLR0917 - the parts of one proposal
    rule: Check, threshold: Above, warn: Limit, wanted: float, why: str, readings: Sequence[Reading]
) -> Iterator[Proposal]:
    if math.isclose(wanted, warn.value):
        return
    limit = replace(warn, value=wanted)
    critical = threshold.critical if threshold.critical is None or threshold.critical.value >= wanted else limit
    target = threshold.target if threshold.target is None or threshold.target.value <= wanted else limit
    changed = replace(threshold, warn=limit, critical=critical, target=target)
    alerts = [sum(n.then.failing for n in backtest({("", ""): readings}, one)) for one in (threshold, changed)]
    yield Proposal(rule.name, why, str(threshold), str(changed), len(readings), *alerts)


def _round_up(value: float) -> float:
    """The next round figure at the value's own order of magnitude."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in STEPS if step * size >= value * (1 - 1e-9))
    return float(f"{step * size:.12g}")
