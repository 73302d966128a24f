"""The words and numbers of a rule: its severity (declared), its status (found), and figures that carry their unit.

A limit says whether it means a share, a number of rows or hours; a `Figure` stands beside its target. Every reading,
count and number of points that anybody sees is written by `figure_text`, `count_text` or `points_text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from math import floor, isfinite
from typing import Any

from checks.engine.authoring import CheckDefinitionError, MeasureError
from etl.words import number_of as number_of  # noqa: PLC0414 - counts are words of a rule, too


class Severity(StrEnum):
    """How much a rule matters; declared by its author."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"

    @property
    def rank(self) -> int:
        """0 for LOW to 2 for HIGH."""
        return list(Severity).index(self)


def severity_of(value: Severity | str) -> Severity:
    """A severity, also as text in any case; raises CheckDefinitionError."""
    text = str(value).upper()
    if text not in set(Severity):
        raise CheckDefinitionError(f"severity {value!r} is none; expected {', '.join(Severity)}")
    return Severity(text)


class Status(StrEnum):
    """How a rule stands; found by a run. "Not measured" is never "passed"."""

    OK = "OK"
    SKIPPED = "SKIPPED"
    WARN = "WARN"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def failing(self) -> bool:
        """Whether points are lost: WARN, CRITICAL and ERROR, but not SKIPPED."""
        return self in {Status.WARN, Status.CRITICAL, Status.ERROR}

    @property
    def measured(self) -> bool:
        """Whether the query was answered."""
        return self not in {Status.SKIPPED, Status.ERROR}

    @property
    def rank(self) -> int:
        """0 for OK to 4 for CRITICAL: what to look at first has the highest."""
        return list(Status).index(self)


class Measure(StrEnum):
    """What a reading is counted in."""

    PERCENT = "percent"
    ROWS = "rows"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure with its unit. A percentage is held as a share: `percent(5)` has the value 0.05."""

    value: float
    unit: Measure

    def __str__(self) -> str:
        return _limit_text(self.value, self.unit)


def percent(value: float) -> Limit:
    """A share in percent: `percent(0.1)` is one row in a thousand."""
    # through Decimal: the share of exactly one row in a thousand must equal percent(0.1), not differ in the last bit
    return Limit(float(Decimal(repr(_checked("percent", value))) / 100), Measure.PERCENT)


def rows(value: float) -> Limit:
    """A number of rows, or of whatever a metric counts."""
    return Limit(_checked("rows", value), Measure.ROWS)


def hours(value: float) -> Limit:
    """A time span in hours."""
    return Limit(_checked("hours", value), Measure.HOURS)


def days(value: float) -> Limit:
    """A time span in days; it is judged, like hours, by the hour."""
    return Limit(_checked("days", value) * HOURS_PER_DAY, Measure.HOURS)


HOURS_PER_DAY = 24
LIMIT_PATTERN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|percent|rows?|hours?|h|days?|d)\s*")
UNITS_OF_LIMITS = {
    "%": percent, "percent": percent, "row": rows, "rows": rows, "hour": hours, "hours": hours, "h": hours,
    "day": days, "days": days, "d": days,
}  # fmt: skip


def limit_of(text: object) -> Limit:
    """A limit as a person writes it: "5 %", "3 rows", "26 hours", "7 days". Raises CheckDefinitionError."""
    match = LIMIT_PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise CheckDefinitionError(f"{text!r} is no limit; expected such as '5 %', '3 rows', '26 hours' or '7 days'")
    return UNITS_OF_LIMITS[match.group(2)](float(match.group(1)))


def _limit_text(value: float, unit: Measure) -> str:
    """A limit as it was declared: "0.1 %", "1,405 rows", "26 hours", "7 days"."""
    if unit is Measure.PERCENT:
        return f"{_figure(value * 100)} %"
    if unit is Measure.HOURS and value > HOURS_PER_DAY and value % HOURS_PER_DAY == 0:
        return f"{_figure(value / HOURS_PER_DAY)} days"
    singular = unit.value.removesuffix("s")
    return f"{_figure(value)} {singular if value == 1 else unit.value}"


def _figure(value: float) -> str:
    # three significant digits below 100, and a small share is never rounded to "0 %"
    text = f"{value:.3g}" if abs(value) < 100 else f"{value:,.1f}"
    return text.removesuffix(".0") if "." in text else text


def _checked(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value < 0:
        raise CheckDefinitionError(f"{name}({value!r}) is no limit; expected a finite number of at least 0")
    return float(value)


MINUTES = 60
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure against its target. `value` None is unknown; a figure on its target reaches it."""

    key: str
    title: str
    value: float | None
    unit: Measure
    target: float
    at_least: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is nothing to say."""
        if self.value is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def said(self) -> str:
        """The value as a person would say it."""
        return "unknown" if self.value is None else figure_text(self.value, self.unit)

    @property
    def aim(self) -> str:
        """The target as a person would say it."""
        return f"{'at least' if self.at_least else 'at most'} {figure_text(self.target, self.unit)}"

    def __str__(self) -> str:
        verdict = {True: "", False: ", missed", None: ""}[self.met]
        return f"{self.title} {self.said} ({self.aim}{verdict})"


def figure_text(value: float, unit: Measure | None) -> str:
    """A reading as every form of a report writes it: "0.1 %", "1,405 rows", "26 h 30 min", without a unit "5,600".

    A share near the whole keeps its decimals, and hours are written to the minute.
    """
    if unit is None:
        return f"{value:,.6g}"
    if unit is Measure.HOURS:
        return _hours(value)
    # three digits would round 99.96 % to 100 %
    if unit is Measure.PERCENT and 0.99 < value < 1:
        return f"{int(value * 10_000) / 100:.2f} %"
    return _limit_text(value, unit)


def count_text(count: int, total: int | None = None) -> str:
    """A number of rows: "1,405", and with the rows that were looked at "3 of 7,000 (0.0429 %)"."""
    if total is None:
        return f"{count:,}"
    share = f" ({figure_text(count / total, Measure.PERCENT)})" if total else ""
    return f"{count:,} of {total:,}{share}"


def whole_percent(share: float) -> int:
    """A share of what was measured in whole percent, rounded down: never more is claimed than there is."""
    return floor(round(share * 100, 6))  # 0.29 * 100 is a little less than 29


def points_text(points: Decimal) -> str:
    """What a rule costs the score: "-5.10", and nothing where it costs nothing."""
    return f"-{points}" if round(points, 2) else ""


def reading_of(value: Any) -> float | None:
    """A metric as a number, an interval in hours; None for NULL. Raises MeasureError for anything else."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds() / SECONDS_PER_HOUR
    if not isinstance(value, (int, float, Decimal)):
        hint = "; subtract it from `now` for an age in hours" if hasattr(value, "year") else ""
        raise MeasureError(f"the metric is a {type(value).__name__}, expected a number or an interval{hint}")
    if not isfinite(value):
        raise MeasureError(f"the metric is {value}, which cannot be judged")
    return float(value)


def _hours(value: float) -> str:
    minutes = round(value * MINUTES)
    hours, rest = divmod(minutes, MINUTES)
    if not hours:
        return f"{rest} min"
    return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"
