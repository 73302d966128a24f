"""Figures with a unit: a limit says whether it means a share, a number of rows or hours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isfinite

from checks.engine.errors import CheckDefinitionError


class Unit(StrEnum):
    """What a reading is counted in."""

    PERCENT = "percent"
    ROWS = "rows"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure with its unit. A percentage is held as a share: `percent(5)` has the value 0.05."""

    value: float
    unit: Unit

    def __str__(self) -> str:
        return say(self.value, self.unit)


def percent(value: float) -> Limit:
    """A share in percent: `percent(0.1)` is one row in a thousand."""
    # through Decimal: the share of exactly one row in a thousand must equal percent(0.1), not differ in the last bit
    return Limit(float(Decimal(repr(_checked("percent", value))) / 100), Unit.PERCENT)


def rows(value: float) -> Limit:
    """A number of rows, or of whatever a metric counts."""
    return Limit(_checked("rows", value), Unit.ROWS)


def hours(value: float) -> Limit:
    """A time span in hours."""
    return Limit(_checked("hours", value), Unit.HOURS)


def say(value: float, unit: Unit) -> str:
    """A reading as a person would say it: "0.1 %", "1,405 rows", "26 hours"."""
    if unit is Unit.PERCENT:
        return f"{_figure(value * 100)} %"
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
