"""A figure that people steer by, with the target that it should reach."""

from __future__ import annotations

from dataclasses import dataclass

from checks.engine.units import Unit, say

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure against its target. `value` None is unknown; a figure on its target reaches it."""

    key: str
    title: str
    value: float | None
    unit: Unit
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
        return "unknown" if self.value is None else spelled(self.value, self.unit)

    @property
    def aim(self) -> str:
        """The target as a person would say it."""
        return f"{'at least' if self.at_least else 'at most'} {spelled(self.target, self.unit)}"

    def __str__(self) -> str:
        verdict = {True: "", False: ", missed", None: ""}[self.met]
        return f"{self.title} {self.said} ({self.aim}{verdict})"


def spelled(value: float, unit: Unit) -> str:
    """A value with its unit; a share near the whole keeps its decimals, hours are told to the minute."""
    if unit is Unit.HOURS:
        return _hours(value)
    # three digits would round 99.96 % to 100 %
    if unit is Unit.PERCENT and 0.99 < value < 1:
        return f"{int(value * 10_000) / 100:.2f} %"
    return say(value, unit)


def _hours(value: float) -> str:
    minutes = round(value * MINUTES)
    hours, rest = divmod(minutes, MINUTES)
    if not hours:
        return f"{rest} min"
    return f"{hours:,} h {rest} min" if rest else f"{hours:,} h"
