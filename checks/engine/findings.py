"""The bad rows of one rule as they are remembered, and what is new, known or fixed since the run before.

A few thousand bad rows are all listed. Of more, a sample is listed and a sketch of all of them kept (see
`checks.engine.sketch`), so the comparison stays exact while at most about a thousand rows changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.engine.sketch import Sketch, difference, sketch


@dataclass(frozen=True, slots=True)
class Finding:
    """One violating row: its fingerprint, its key by names, and how many rows have that key."""

    fingerprint: int
    key: Mapping[str, Any]
    times: int = 1


@dataclass(frozen=True, slots=True)
class Findings:
    """The bad rows of one rule: how many, those that are listed, and a sketch of all if they are not all listed."""

    count: int = 0
    listed: tuple[Finding, ...] = ()
    sketch: Sketch | None = None

    @property
    def complete(self) -> bool:
        """Whether every bad row is listed."""
        return self.sketch is None

    def times(self) -> dict[int, int]:
        """Rows by fingerprint, of the listed ones."""
        return {finding.fingerprint: finding.times for finding in self.listed}

    def sketched(self) -> Sketch:
        """The sketch of all bad rows."""
        return sketch(self.times()) if self.sketch is None else self.sketch


@dataclass(frozen=True, slots=True)
class Change:
    """Bad rows compared with the run before. `exact` is false when so much changed that these are least numbers."""

    new: int | None
    known: int | None
    fixed: int | None
    exact: bool = True
    appeared: frozenset[int] = field(default=frozenset())


def compare(now: Findings, before: Findings) -> Change:
    """What is new, known and fixed. A key that is bad twice and was bad once counts as one known and one new row."""
    if not now.count or not before.count:  # exact without looking
        return Change(now.count, 0, before.count, appeared=frozenset(now.times()))
    differing = _difference(now, before)
    if differing is None:
        known = min(now.count, before.count)
        return Change(now.count - known, known, before.count - known, exact=False)
    new = sum(number for number in differing.values() if number > 0)
    fixed = -sum(number for number in differing.values() if number < 0)
    return Change(new, now.count - new, fixed, appeared=frozenset(k for k, n in differing.items() if n > 0))


def compare_part(now: Findings, before: Findings) -> Change:
    """What is new and known among some of the rows, compared with all of them; what is fixed cannot be told."""
    if not (now.complete and before.complete):
        return Change(None, None, None, exact=False)
    then = before.times()
    new = {key: times - then.get(key, 0) for key, times in now.times().items() if times > then.get(key, 0)}
    return Change(sum(new.values()), now.count - sum(new.values()), None, appeared=frozenset(new))


def _difference(now: Findings, before: Findings) -> Mapping[int, int] | None:
    if not (now.complete and before.complete):
        return difference(now.sketched(), before.sketched())
    then, there = before.times(), now.times()
    return {key: there.get(key, 0) - then.get(key, 0) for key in then.keys() | there.keys()}
