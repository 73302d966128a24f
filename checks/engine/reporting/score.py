"""One honest figure: 100 * product(1 - d) over the rules that are not OK.

Bounded and monotone; a passing rule cannot hide a failing one. The points of each rule add up exactly, to the
hundredth, to what is missing from 100.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import TypeVar

from checks.engine.authoring.units import Severity, Status

FORMULA = 2
"""The version of the formula; stored with each run, to be raised with any change of a figure below.

2: a rule that has nothing to measure any more costs what one that could not be measured costs (1: nothing), coverage is
weighed by severity (1: rules were counted), and below its floor there is no score. docs/SCORE.md tells all of it.
"""

CENT = Decimal("0.01")
FULL = Decimal("100.00")
HEALTHY = 90
WATCH = 75

IMPACT_RANGES: Mapping[tuple[Severity, Status], tuple[float, float]] = {
    (Severity.HIGH, Status.WARN): (0.12, 0.24),
    (Severity.HIGH, Status.CRITICAL): (0.27, 0.60),
    (Severity.HIGH, Status.ERROR): (0.60, 0.60),
    (Severity.MEDIUM, Status.WARN): (0.04, 0.10),
    (Severity.MEDIUM, Status.CRITICAL): (0.11, 0.24),
    (Severity.MEDIUM, Status.ERROR): (0.24, 0.24),
    (Severity.LOW, Status.WARN): (0.01, 0.03),
    (Severity.LOW, Status.CRITICAL): (0.03, 0.10),
    (Severity.LOW, Status.ERROR): (0.10, 0.10),
}
WORST_FIRST = (Status.ERROR, Status.CRITICAL, Status.WARN)


K = TypeVar("K")


class Band(StrEnum):
    """What a score means."""

    HEALTHY = "healthy"
    WATCH = "watch"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


def band_of(value: Decimal | float | None) -> Band:
    """What the value of a score means; None is unknown."""
    if value is None:
        return Band.UNKNOWN
    if value >= HEALTHY:
        return Band.HEALTHY
    return Band.WATCH if value >= WATCH else Band.CRITICAL


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the score needs of one result. `count` of `total` are the bad rows; `share` stands in without a total."""

    rule: str
    parameter: str
    domain: str
    severity: Severity
    status: Status
    share: float = 0.0
    count: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its points and impacts per (rule, parameter) and its parts per domain; None is unknown.

    Of several parameters of one rule each has its part of the rule's impact, so the product over all is the score.
    """

    value: Decimal | None
    impacts: Mapping[tuple[str, str], float] = field(default_factory=dict)
    points: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    domains: Mapping[str, Decimal | None] = field(default_factory=dict)

    @property
    def band(self) -> Band:
        """What the score means."""
        return band_of(self.value)


def impact(severity: Severity, status: Status, share: float) -> float:
    """The d of one rule: 0 for OK and SKIPPED, otherwise growing with the square root of the failing share."""
    if not status.failing:
        return 0.0
    low, high = IMPACT_RANGES[severity, status]
    return low + (high - low) * math.sqrt(min(1.0, max(0.0, share)))


def score(results: Iterable[Weighed]) -> Score:
    """The score of some results, independent of their order; unknown when nothing but SKIPPED is among them."""
    rules = _by_rule(results)
    pooled = {rule: pooled_share(own) for rule, own in rules.items()}
    value = _value(rules, pooled)
    domains = sorted({result.domain for own in rules.values() for result in own})
    parts = {domain: _value({k: v for k, v in rules.items() if v[0].domain == domain}, pooled) for domain in domains}
    points = {} if value is None else _points(rules, pooled, FULL - value)
    return Score(value, _impacts(rules, pooled), points, parts)


def score_value(results: Iterable[Weighed]) -> Decimal | None:
    """The value of the score of some results, for whom its points do not matter."""
    rules = _by_rule(results)
    return _value(rules, {rule: pooled_share(own) for rule, own in rules.items()})


def pooled_share(results: list[Weighed]) -> float:
    """The impact of one rule over its parameters: its worst status, with the share of all of them together."""
    statuses = {result.status for result in results}
    worst = next((status for status in WORST_FIRST if status in statuses), None)
    if worst is None:  # nearly always
        return 0.0
    measured = [result for result in results if result.status is not Status.SKIPPED]
    total = sum(result.total for result in measured)
    count = sum(result.count for result in measured if result.total)
    shares = [result.share for result in measured if not result.total] or [0.0]
    return impact(results[0].severity, worst, count / total if total else sum(shares) / len(shares))


def _by_rule(results: Iterable[Weighed]) -> dict[str, list[Weighed]]:
    """Results by rule, both in the order of their names."""
    rules: dict[str, list[Weighed]] = {}
    for result in sorted(results, key=lambda result: (result.rule, result.parameter)):
        rules.setdefault(result.rule, []).append(result)
    return rules


def _value(rules: Mapping[str, list[Weighed]], pooled: Mapping[str, float]) -> Decimal | None:
    if all(result.status is Status.SKIPPED for results in rules.values() for result in results):
        return None
    # fsum: the same figure in any order
    exact = 100 * math.exp(math.fsum(math.log1p(-pooled[rule]) for rule in rules))
    # rounded down, so that 89.999 is not called healthy; first to nine digits, so that 99 is not 98.99999999
    return Decimal(repr(round(exact, 9))).quantize(CENT, ROUND_FLOOR)


def _impacts(rules: Mapping[str, list[Weighed]], pooled: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """The impact of each rule, cut among its parameters by their own so that their product is the rule's."""
    impacts: dict[tuple[str, str], float] = {}
    for rule, results in rules.items():
        whole = pooled[rule]
        own = {(rule, r.parameter): impact(r.severity, r.status, r.share) for r in results}
        everything = math.fsum(own.values())
        for id_, weight in own.items():
            only = weight == everything
            impacts[id_] = whole if only and weight else 1 - (1 - whole) ** (weight / everything) if weight else 0.0
    return impacts


def _points(
    rules: Mapping[str, list[Weighed]], pooled: Mapping[str, float], missing: Decimal
) -> dict[tuple[str, str], Decimal]:
    weights = {rule: -math.log1p(-pooled[rule]) for rule in rules}
    points: dict[tuple[str, str], Decimal] = {}
    for rule, whole in shared(weights, missing).items():
        own = {(rule, r.parameter): impact(r.severity, r.status, r.share) for r in rules[rule]}
        points.update(shared(own, whole))
    return points


def shared(weights: Mapping[K, float], whole: Decimal) -> dict[K, Decimal]:
    """`whole` shared out by weight, in hundredths that add up exactly (largest remainder first)."""
    everything = math.fsum(weights.values())
    if everything <= 0:
        return dict.fromkeys(weights, Decimal("0.00"))
    cents = int(whole / CENT)
    exact = {key: cents * weight / everything for key, weight in weights.items()}
    given = {key: math.floor(value) for key, value in exact.items()}
    by_remainder = sorted(exact, key=lambda key: (given[key] - exact[key], str(key)))
    for key in by_remainder[: cents - sum(given.values())]:
        given[key] += 1
    return {key: given[key] * CENT for key in weights}
