"""How often rules and owners kept to the standards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from checks.engine.authoring.units import Severity, Status
from checks.engine.collecting.rules import Rules
from checks.review.values import Book, Period

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Kept:
    """Results that were in order, of all results; what was SKIPPED is none, and what is accepted is in order."""

    name: str
    owner: str
    severity: Severity | None
    good: int
    whole: int

    @property
    def share(self) -> float:
        """The share that was in order."""
        return self.good / self.whole


def by_rule(book: Book, rules: Rules, period: Period) -> tuple[Kept, ...]:
    """Each rule over its parameters and the period's runs, the least compliant first."""
    counts: dict[str, list[int]] = {}
    severities: dict[str, Severity] = {}
    for (rule, _), readings in book.readings.items():
        for reading in readings:
            if period.covers(reading.at) and reading.status is not Status.SKIPPED:
                own = counts.setdefault(rule, [0, 0])
                own[0] += not reading.trouble
                own[1] += 1
                severities[rule] = reading.severity
    found = [Kept(rule, _owner(rule, rules), severities[rule], *own) for rule, own in counts.items()]
    return tuple(sorted(found, key=lambda one: (one.share, -severities[one.name].rank, one.name)))


def by_owner(kept: Iterable[Kept]) -> tuple[Kept, ...]:
    """The rules of each owner together, the least compliant owner first."""
    counts: dict[str, list[int]] = {}
    for one in kept:
        own = counts.setdefault(one.owner, [0, 0])
        own[0] += one.good
        own[1] += one.whole
    found = [Kept(owner, owner, None, *own) for owner, own in counts.items()]
    return tuple(sorted(found, key=lambda one: (one.share, one.name)))


def _owner(rule: str, rules: Rules) -> str:
    return (rules[rule].mark.owner if rule in rules else "") or NOBODY
