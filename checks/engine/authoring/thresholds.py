"""Thresholds: limits for a measurement, fixed or relative to the metric's own history.

A measurement on the limit itself is still within it: exactly 1 % is OK. The history is handed in, newest last: one
measurement a day, without the current one and without those that were failing or waived, so that trouble that lasts
never becomes what is usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import ClassVar, TypeAlias

from checks.engine.authoring import CheckDefinitionError
from checks.engine.authoring.units import Limit, Measure, Status, percent


@dataclass(frozen=True, slots=True)
class Fixed:
    """A reading must not be beyond its limits; on a limit it is within."""

    warn: Limit | None
    critical: Limit | None
    target: Limit | None = None
    direction: ClassVar[str]
    aim: ClassVar[str]
    sign: ClassVar[int]

    @property
    def unit(self) -> Measure:
        """The unit that all limits share."""
        limit = self.warn or self.critical
        assert limit is not None  # noqa: S101 - the constructors above(), below() see to it
        return limit.unit

    def judge(self, reading: float) -> Status:
        """CRITICAL or WARN beyond that limit, otherwise OK."""
        if self.critical is not None and self.sign * (reading - self.critical.value) > 0:
            return Status.CRITICAL
        beyond = self.warn is not None and self.sign * (reading - self.warn.value) > 0
        return Status.WARN if beyond else Status.OK

    def excess(self, reading: float) -> float:
        """How far a failing reading is beyond its limit, from 0 (on it) towards 1."""
        limit = {Status.WARN: self.warn, Status.CRITICAL: self.critical}.get(self.judge(reading))
        if limit is None:
            return 0.0
        small, large = sorted((reading, limit.value))
        return 0.0 if large <= 0 else min(1.0, 1 - small / large)

    def on_target(self, reading: float) -> bool | None:
        """Whether the reading reaches the target; None without one."""
        return None if self.target is None else self.sign * (reading - self.target.value) <= 0

    def __str__(self) -> str:
        limits = (("warn", self.warn), ("critical", self.critical))
        said = ", ".join(f"{name} {self.direction} {limit}" for name, limit in limits if limit is not None)
        return said if self.target is None else f"{said} (target {self.aim} {self.target})"


class Above(Fixed):
    """A reading must not be above its limits."""

    __slots__ = ()
    direction, aim, sign = "above", "at most", 1


class Below(Fixed):
    """A reading must not be below its limits."""

    __slots__ = ()
    direction, aim, sign = "below", "at least", -1


def above(*, warn: Limit | None = None, critical: Limit | None = None, target: Limit | None = None) -> Above:
    """Judge a reading that is too high above `warn` or `critical`; at `target` it is as good as wanted.

    Of a row rule the reading is the share of bad rows (`percent`) or their number (`rows`). At least one of `warn`
    and `critical` is needed, `target <= warn <= critical`, all in one unit; raises CheckDefinitionError otherwise.
    """
    _check_order("above", "target <= warn <= critical", (target, warn, critical), sign=1)
    return Above(warn, critical, target)


def below(*, warn: Limit | None = None, critical: Limit | None = None, target: Limit | None = None) -> Below:
    """Judge a metric that is too low below `warn` or `critical`; at `target` it is as good as wanted.

    At least one of `warn` and `critical` is needed, `target >= warn >= critical`, all in one unit; raises
    CheckDefinitionError otherwise.
    """
    _check_order("below", "target >= warn >= critical", (target, warn, critical), sign=-1)
    return Below(warn, critical, target)


def _check_order(name: str, order: str, limits: tuple[Limit | None, ...], *, sign: int) -> None:
    given = [limit for limit in limits if limit is not None]
    for limit in given:
        _check_limit(name, limit)
    if limits[1] is None and limits[2] is None:
        raise CheckDefinitionError(f"{name}() needs at least one of warn= and critical=")
    if len({limit.unit for limit in given}) > 1:
        units = ", ".join(str(limit) for limit in given)
        raise CheckDefinitionError(f"{name}() mixes units ({units}); all limits of a threshold share one unit")
    if any(sign * first.value > sign * then.value for first, then in pairwise(given)):
        found = ", ".join(str(limit) for limit in given)
        raise CheckDefinitionError(f"{name}() has its limits out of order ({found}); expected {order}")


def _check_limit(name: str, limit: object) -> None:
    if not isinstance(limit, Limit):
        hint = f"percent({limit}), rows({limit}) or hours({limit})"
        raise CheckDefinitionError(f"{name}() got the bare value {limit!r}; say its unit: {hint}")
    if limit.unit is Measure.PERCENT and limit.value > 1:
        raise CheckDefinitionError(f"{name}() got {limit}, which no share can be; expected percent(0) to percent(100)")


FEWEST_FOR_DROP = 3
FEWEST_FOR_OUTLIER = 5
# makes the median absolute deviation of a normal distribution its standard deviation
NORMAL = 1.4826


@dataclass(frozen=True, slots=True)
class Drop:
    """A reading must not fall far below the median of its own recent past."""

    warn: Limit
    critical: Limit
    window: int

    @property
    def fewest(self) -> int:
        """How many earlier readings it takes to compare."""
        return FEWEST_FOR_DROP

    def judge(self, reading: float, baseline: Sequence[float]) -> Status:
        """CRITICAL or WARN for a deep fall, SKIPPED with too short a past to compare with."""
        fall = self.fall(reading, baseline)
        if fall is None:
            return Status.SKIPPED
        if fall > self.critical.value:
            return Status.CRITICAL
        return Status.WARN if fall > self.warn.value else Status.OK

    def fall(self, reading: float, baseline: Sequence[float]) -> float | None:
        """The fall below the median as a share of it; negative for a rise, None with too short a past.

        From a usual 0 nothing can fall but below it, and that is a fall without end.
        """
        recent = baseline[-self.window :]
        if len(recent) < self.fewest:
            return None
        usual = median(recent)
        if usual == 0:
            return math.inf if reading < 0 else 0.0
        return (usual - reading) / abs(usual)

    def excess(self, reading: float, baseline: Sequence[float]) -> float:
        """The fall itself, between 0 and 1."""
        return min(1.0, max(0.0, self.fall(reading, baseline) or 0.0))

    def __str__(self) -> str:
        return f"warn at a drop of more than {self.warn}, critical {self.critical} (median of {self.window} days)"


@dataclass(frozen=True, slots=True)
class Outlier:
    """A reading must not lie far from its own recent past, in either direction."""

    warn: float
    critical: float
    window: int

    @property
    def fewest(self) -> int:
        """How many earlier readings it takes to compare."""
        return FEWEST_FOR_OUTLIER

    def judge(self, reading: float, baseline: Sequence[float]) -> Status:
        """CRITICAL or WARN far out, SKIPPED with too short a past to compare with."""
        distance = self.distance(reading, baseline)
        if distance is None:
            return Status.SKIPPED
        if distance > self.critical:
            return Status.CRITICAL
        return Status.WARN if distance > self.warn else Status.OK

    def distance(self, reading: float, baseline: Sequence[float]) -> float | None:
        """How many usual deviations the reading lies from the median; None with too short a past."""
        recent = baseline[-self.window :]
        if len(recent) < self.fewest:
            return None
        usual = median(recent)
        spread = NORMAL * median(abs(value - usual) for value in recent)
        # a past without any spread would make the smallest change infinite: a hundredth of the level stands in
        return abs(reading - usual) / (spread or abs(usual) / 100 or 1.0)

    def excess(self, reading: float, baseline: Sequence[float]) -> float:
        """From 0 (not beyond the warn limit) towards 1."""
        distance = self.distance(reading, baseline) or 0.0
        return max(0.0, 1 - self.warn / distance) if distance > 0 else 0.0

    def __str__(self) -> str:
        return f"warn beyond {self.warn:g} deviations, critical {self.critical:g} (of the last {self.window} days)"


@dataclass(frozen=True, slots=True)
class RelativeChange:
    """A reading must neither fall nor grow far from the median of its own recent history.

    A limit that is None is not judged; limits are shares of that median, a growth may exceed the whole.
    """

    drop: tuple[Limit | None, Limit | None]
    growth: tuple[Limit | None, Limit | None]
    window: int

    @property
    def fewest(self) -> int:
        """How many earlier measurements it takes to compare."""
        return min(FEWEST_FOR_DROP, self.window)

    def judge(self, reading: float, baseline: Sequence[float]) -> Status:
        """CRITICAL or WARN for a large change, SKIPPED with too short a history to compare with."""
        change = self.change(reading, baseline)
        if change is None:
            return Status.SKIPPED
        warn, critical = self.drop if change < 0 else self.growth
        if critical is not None and abs(change) > critical.value:
            return Status.CRITICAL
        return Status.WARN if warn is not None and abs(change) > warn.value else Status.OK

    def change(self, reading: float, baseline: Sequence[float]) -> float | None:
        """The change as a share of the median, negative for a fall; None with nothing to compare with."""
        recent = baseline[-self.window :]
        if len(recent) < self.fewest:
            return None
        usual = median(recent)
        if usual == 0:
            return 0.0 if reading == 0 else float("inf") if reading > 0 else float("-inf")
        return (reading - usual) / abs(usual)

    def excess(self, reading: float, baseline: Sequence[float]) -> float:
        """The change itself, between 0 and 1."""
        return min(1.0, abs(self.change(reading, baseline) or 0.0))

    def __str__(self) -> str:
        said = [
            f"{name} at a {what} of more than {limit}" if limit.value else f"{name} at any {what}"
            for what, limits in (("drop", self.drop), ("growth", self.growth))
            for name, limit in zip(("warn", "critical"), limits, strict=True)
            if limit is not None
        ]
        of = "the day before" if self.window == 1 else f"median of {self.window} days"
        return f"{', '.join(said)} ({of})"


Relative: TypeAlias = Drop | Outlier | RelativeChange
Threshold: TypeAlias = Fixed | Relative


def drop(*, warn: Limit, critical: Limit, window: int = 14) -> Drop:
    """Judge a reading by how far it fell below the median of the last `window` days.

    Limits are shares of that median: `percent(20)` is a fall of a fifth. With fewer than
    three earlier readings there is nothing to compare with, and the status is SKIPPED.
    """
    for name, limit in (("warn", warn), ("critical", critical)):
        if not isinstance(limit, Limit) or limit.unit is not Measure.PERCENT:
            raise CheckDefinitionError(f"drop({name}={limit!s}) is no share of the median; expected percent(...)")
    _check_limits("drop", warn.value, critical.value, f"{warn}, {critical}")
    if critical.value >= percent(100).value:
        raise CheckDefinitionError(f"drop(critical={critical}) can never be passed; a fall is at most 100 %")
    return Drop(warn, critical, _window("drop", window, FEWEST_FOR_DROP))


def outlier(*, warn: float = 3.5, critical: float = 7.0, window: int = 14) -> Outlier:
    """Judge a reading by how many usual deviations it lies from the median of the last `window` days.

    The deviation is the scaled median absolute deviation, so one bad day in the past does not hide the next.
    With fewer than five earlier readings the status is SKIPPED.
    """
    for name, value in (("warn", warn), ("critical", critical)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise CheckDefinitionError(f"outlier({name}={value!s}) is no number of deviations; expected e.g. 3.5")
    _check_limits("outlier", warn, critical, f"{warn:g}, {critical:g}")
    return Outlier(float(warn), float(critical), _window("outlier", window, FEWEST_FOR_OUTLIER))


def _check_limits(name: str, warn: float, critical: float, found: str) -> None:
    if warn > critical:
        raise CheckDefinitionError(f"{name}() has its limits out of order ({found}); expected warn <= critical")


def _window(name: str, window: int, fewest: int) -> int:
    if isinstance(window, bool) or not isinstance(window, int) or window < fewest:
        raise CheckDefinitionError(f"{name}(window={window!r}) is too short; expected at least {fewest} days")
    return window


Pair: TypeAlias = tuple[Limit | None, Limit | None]


def change(*, drop: Pair = (None, None), growth: Pair = (None, None), window: int = 14) -> RelativeChange:
    """Judge a reading by how far it moved from the median of the last `window` days; each pair is warn and critical.

    `change(drop=(percent(10), percent(30)), growth=(percent(50), percent(200)))`; `window=1` compares with the day
    before. Raises CheckDefinitionError without any limit, and for limits that are no percent or out of order.
    """
    for name, pair in (("drop", drop), ("growth", growth)):
        given = [limit for limit in pair if limit is not None]
        if any(not isinstance(limit, Limit) or limit.unit is not Measure.PERCENT for limit in given):
            raise CheckDefinitionError(f"change({name}=) takes a pair of percent(...), warn and critical")
        if name == "drop" and any(limit.value >= percent(100).value for limit in given):
            raise CheckDefinitionError(f"change(drop={given[-1]}) can never be passed; a fall is at most 100 %")
        _check_limits("change", given[0].value, given[-1].value, ", ".join(map(str, given))) if given else None
    if not any((*drop, *growth)):
        raise CheckDefinitionError("change() needs limits: drop=(warn, critical), growth=(warn, critical) or both")
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise CheckDefinitionError(f"change(window={window!r}) is too short; expected at least 1 day")
    return RelativeChange(drop, growth, window)
