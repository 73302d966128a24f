"""Limits for a reading. A reading on the limit itself is still within it: "exactly 1 % is ok"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from checks.engine.errors import CheckDefinitionError
from checks.engine.levels import Status
from checks.engine.trends import Drop, Outlier
from checks.engine.units import Limit, Unit


@dataclass(frozen=True, slots=True)
class Above:
    """A reading must not be above its limits."""

    warn: Limit | None
    critical: Limit | None
    target: Limit | None = None

    @property
    def unit(self) -> Unit:
        """The unit that all limits share."""
        return _unit(self)

    def judge(self, reading: float) -> Status:
        """CRITICAL or WARN above that limit, otherwise OK."""
        if self.critical is not None and reading > self.critical.value:
            return Status.CRITICAL
        return Status.WARN if self.warn is not None and reading > self.warn.value else Status.OK

    def excess(self, reading: float) -> float:
        """How far a failing reading is beyond its limit, from 0 (on it) towards 1."""
        limit = _crossed(self, self.judge(reading))
        return 0.0 if limit is None or reading <= 0 else max(0.0, 1 - limit.value / reading)

    def on_target(self, reading: float) -> bool | None:
        """Whether the reading reaches the target; None without one."""
        return None if self.target is None else reading <= self.target.value

    def __str__(self) -> str:
        return _say(self, "above", "at most")


@dataclass(frozen=True, slots=True)
class Below:
    """A reading must not be below its limits."""

    warn: Limit | None
    critical: Limit | None
    target: Limit | None = None

    @property
    def unit(self) -> Unit:
        """The unit that all limits share."""
        return _unit(self)

    def judge(self, reading: float) -> Status:
        """CRITICAL or WARN below that limit, otherwise OK."""
        if self.critical is not None and reading < self.critical.value:
            return Status.CRITICAL
        return Status.WARN if self.warn is not None and reading < self.warn.value else Status.OK

    def excess(self, reading: float) -> float:
        """How far a failing reading is beyond its limit, from 0 (on it) to 1 (nothing left)."""
        limit = _crossed(self, self.judge(reading))
        return 0.0 if limit is None or limit.value <= 0 else min(1.0, max(0.0, 1 - reading / limit.value))

    def on_target(self, reading: float) -> bool | None:
        """Whether the reading reaches the target; None without one."""
        return None if self.target is None else reading >= self.target.value

    def __str__(self) -> str:
        return _say(self, "below", "at least")


Fixed: TypeAlias = Above | Below
Threshold: TypeAlias = Above | Below | Drop | Outlier


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
    for limit in limits:
        if limit is not None and not isinstance(limit, Limit):
            hint = f"percent({limit}), rows({limit}) or hours({limit})"
            raise CheckDefinitionError(f"{name}() got the bare value {limit!r}; say its unit: {hint}")
    given = [limit for limit in limits if limit is not None]
    if limits[1] is None and limits[2] is None:
        raise CheckDefinitionError(f"{name}() needs at least one of warn= and critical=")
    if len({limit.unit for limit in given}) > 1:
        units = ", ".join(str(limit) for limit in given)
        raise CheckDefinitionError(f"{name}() mixes units ({units}); all limits of a threshold share one unit")
    if any(sign * first.value > sign * then.value for first, then in pairwise(given)):
        found = ", ".join(str(limit) for limit in given)
        raise CheckDefinitionError(f"{name}() has its limits out of order ({found}); expected {order}")


def _unit(threshold: Fixed) -> Unit:
    limit = threshold.warn or threshold.critical
    assert limit is not None  # noqa: S101 - the constructors above(), below() see to it
    return limit.unit


def _crossed(threshold: Fixed, status: Status) -> Limit | None:
    return {Status.WARN: threshold.warn, Status.CRITICAL: threshold.critical}.get(status)


def _say(threshold: Fixed, direction: str, aim: str) -> str:
    limits = (("warn", threshold.warn), ("critical", threshold.critical))
    said = ", ".join(f"{name} {direction} {limit}" for name, limit in limits if limit is not None)
    return said if threshold.target is None else f"{said} (target {aim} {threshold.target})"
