"""Two scores compared in words: "88.00 -> 81.00: -5.10 match without teams, 0 -> 62 rows; ..."."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from checks.engine.figures import spelled
from checks.engine.levels import Status
from checks.engine.past import Id
from checks.engine.units import Unit

NOTHING = Decimal("0.00")
SAID = 4


class Pointed(Protocol):
    """A result with its points, of a run or out of the history."""

    @property
    def id(self) -> Id: ...
    @property
    def status(self) -> Status: ...
    @property
    def count(self) -> int | None: ...
    @property
    def value(self) -> float | None: ...
    @property
    def points(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did to the score."""

    rule: str
    parameter: str
    points: Decimal
    what: str

    def __str__(self) -> str:
        name = self.rule.replace("_", " ") + (f" in {self.parameter}" if self.parameter else "")
        return f"{self.points:+} {name}{f', {self.what}' if self.what else ''}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A score before and after, and which rules moved it; the steps add up to the whole, exactly."""

    before: Decimal | None
    after: Decimal | None
    steps: tuple[Step, ...]

    @property
    def whole(self) -> Decimal | None:
        """By how much the score moved; None where one of them is unknown."""
        return None if self.before is None or self.after is None else self.after - self.before

    def __str__(self) -> str:
        before, after = (_said(score) for score in (self.before, self.after))
        if not self.steps:
            return f"{before} -> {after}: no rule moved the score" if before == after else f"{before} -> {after}"
        rest = self.steps[SAID:]
        lines = [str(step) for step in self.steps[:SAID]]
        if rest:
            lines.append(f"{sum((step.points for step in rest), NOTHING):+} {len(rest)} more rules")
        return f"{before} -> {after}: {'; '.join(lines)}"


def difference(
    before: tuple[Decimal | None, Iterable[Pointed]],
    after: tuple[Decimal | None, Iterable[Pointed]],
    units: Mapping[str, Unit | None],
) -> Difference:
    """Compare two runs, each a score with its results. `units` say what the values of metrics are counted in."""
    old = {result.id: result for result in before[1]}
    new = {result.id: result for result in after[1]}
    known = before[0] is not None and after[0] is not None
    steps = [_step(id_, old.get(id_), new.get(id_), units.get(id_[0])) for id_ in {**old, **new}] if known else []
    moved = sorted((step for step in steps if step.points), key=lambda step: (-abs(step.points), step.rule))
    return Difference(before[0], after[0], tuple(moved))


def _step(id_: Id, old: Pointed | None, new: Pointed | None, unit: Unit | None) -> Step:
    lost = [result.points if result else NOTHING for result in (old, new)]
    return Step(*id_, lost[0] - lost[1], _what(old, new, unit))


def _what(old: Pointed | None, new: Pointed | None, unit: Unit | None) -> str:
    if new is None:
        return "no longer asked"
    if new.status is Status.ERROR:
        return "could not be measured"
    if new.value is not None:
        return _value(new.value, unit)
    if new.count is None:
        return "measured again" if old is not None and old.status is Status.ERROR else ""
    was = old.count if old is not None else None
    if was is None or was == new.count:
        return f"{new.count:,} rows"
    return f"{new.count - was:+,} rows"


def _value(value: float, unit: Unit | None) -> str:
    return spelled(value, unit) if unit else f"{value:,.6g}"


def _said(score: Decimal | None) -> str:
    return "unknown" if score is None else str(score)
