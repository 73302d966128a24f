"""Trying a threshold: on which of the stored nights it would have alerted.

`parse_threshold` reads what a person typed, such as `--warn 2% --critical 5%`; `backtest` judges every stored reading
anew, a metric on the baseline that it had on its night.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.spec import Check
from checks.engine.authoring.thresholds import Above, Below, Drop, Outlier, Threshold, above, below, drop, outlier
from checks.engine.authoring.units import Limit, Measure, Status, hours, percent, rows
from checks.engine.judging.judge import Id, judge
from checks.engine.measuring.measure import Measurement
from checks.stored import StoredResult

LIMIT_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|percent|rows?|hours?|h)?\s*")
UNITS = {"%": percent, "percent": percent, "row": rows, "rows": rows, "hour": hours, "hours": hours, "h": hours}
BARE = {Measure.PERCENT: percent, Measure.ROWS: rows, Measure.HOURS: hours}
KINDS = ("above", "below", "drop", "outlier")
WINDOW = 14


@dataclass(frozen=True, slots=True)
class ThresholdOptions:
    """What was typed; what was not stays as the rule has it."""

    kind: str | None = None
    warn: str | None = None
    critical: str | None = None
    window: int | None = None


def parse_threshold(rule: Check, typed: ThresholdOptions) -> Threshold:
    """The threshold to try on a rule; raises CheckDefinitionError, which says what would have been right."""
    current = rule.threshold
    kind = typed.kind or type(current).__name__.lower()
    if kind not in KINDS:
        raise CheckDefinitionError(f"--as {kind!r} is no threshold; expected one of {', '.join(KINDS)}")
    same = kind == type(current).__name__.lower()
    if kind == "outlier":
        return _outlier(current if isinstance(current, Outlier) else outlier(), typed)
    unit = Measure.PERCENT if kind == "drop" else getattr(current, "unit", None) or Measure.ROWS
    warn, critical = (
        _limit(text, unit) if text is not None else getattr(current, name) if same else None
        for name, text in (("warn", typed.warn), ("critical", typed.critical))
    )
    if kind == "drop":
        return _drop(current, warn, critical, typed.window)
    return _fixed(kind, warn, critical)


def _fixed(kind: str, warn: Limit | None, critical: Limit | None) -> Above | Below:
    # the target is left out: what is tried is when to alert
    return above(warn=warn, critical=critical) if kind == "above" else below(warn=warn, critical=critical)


def _drop(current: Threshold, warn: Limit | None, critical: Limit | None, window: int | None) -> Drop:
    if warn is None or critical is None:
        raise CheckDefinitionError("--as drop needs both --warn and --critical, such as --warn 20% --critical 50%")
    usual = current.window if isinstance(current, Drop) else WINDOW
    return drop(warn=warn, critical=critical, window=window or usual)


def _outlier(current: Outlier, typed: ThresholdOptions) -> Outlier:
    warn = current.warn if typed.warn is None else _bare(typed.warn)
    critical = current.critical if typed.critical is None else _bare(typed.critical)
    return outlier(warn=warn, critical=critical, window=typed.window or current.window)


def _limit(text: str, unit: Measure) -> Limit:
    parts = LIMIT_TEXT.fullmatch(text)
    if parts is None:
        raise CheckDefinitionError(f"{text!r} is no limit; expected a figure such as 2%, '5 rows' or '26 hours'")
    make = UNITS[parts[2]] if parts[2] else BARE[unit]
    return make(float(parts[1]))


def _bare(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CheckDefinitionError(f"{text!r} is no number of deviations; expected e.g. 3.5") from None


@dataclass(frozen=True, slots=True)
class Night:
    """One stored result: how it was judged, and how a threshold would judge it."""

    result: StoredResult
    then: Status

    @property
    def at(self) -> datetime:
        """When it was read."""
        return self.result.at


def backtest(history: Mapping[Id, Sequence[StoredResult]], threshold: Threshold) -> tuple[Night, ...]:
    """Judge every stored result of a rule anew, oldest first, a metric on the baseline that it had on its night.

    That baseline holds one measurement a day and none that this threshold calls failing; what was accepted as usual is
    not known here. Results that were not measured stay what they were; rows that were waived one by one count as bad.
    """
    nights = [night for results in history.values() for night in _nights(results, threshold)]
    return tuple(sorted(nights, key=lambda night: (night.at, night.result.parameter)))


def _nights(results: Sequence[StoredResult], threshold: Threshold) -> Iterator[Night]:
    baseline: dict[date, float] = {}
    for result in results:
        if result.status is Status.ERROR or (result.count is None and result.value is None):
            yield Night(result, result.status)
            continue
        reading = Measurement(count=result.count, total=result.total, value=result.value)
        then = judge(threshold, reading, tuple(baseline.values())).status
        yield Night(result, then)
        # as in a run: one measurement a day, none that was failing
        if result.value is not None and not result.accepted and not then.failing:
            baseline.pop(result.at.date(), None)
            baseline[result.at.date()] = result.value
