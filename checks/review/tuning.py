"""Proposals for thresholds, each with what it would have done on the stored nights. A person decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from checks.engine.rules import Rules
from checks.engine.spec import Check
from checks.engine.thresholds import Above
from checks.engine.units import Limit
from checks.review.backtest import backtest
from checks.review.periods import Period
from checks.review.series import points_of
from checks.review.stretches import AGAIN_AND_AGAIN, stretches
from checks.review.values import Book, Reading

FEWEST = 14
ALWAYS = 0.9
ROOM = 1.25
SLACK = 5
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A limit to think about: why, from what to what, and on how many nights each would have alerted."""

    rule: str
    why: str
    now: str
    proposed: str
    nights: int
    alerts_now: int
    alerts_then: int


def proposals(book: Book, rules: Rules, period: Period) -> tuple[Proposal, ...]:
    """A proposal for each rule whose limits do not fit what it read, by name.

    Only rules about rows, and metrics that must not be above a limit: other thresholds adapt by themselves.
    """
    found: list[Proposal] = []
    for rule in rules.values():
        readings = [one for one in book.readings.get((rule.name, ""), ()) if period.covers(one.at)]
        if isinstance(rule.threshold, Above) and rule.threshold.warn is not None:
            found.extend(_proposal(rule, rule.threshold, rule.threshold.warn, readings))
    return tuple(found)


def _proposal(rule: Check, threshold: Above, warn: Limit, readings: Sequence[Reading]) -> Iterator[Proposal]:
    figures = sorted(figure for _, figure in points_of(readings, threshold))
    if len(figures) < FEWEST or not warn.value:
        return
    failing = sum(reading.trouble for reading in readings) / len(readings)
    # the highest twentieth are the accidents that a limit is there for
    usual = figures[int(0.95 * (len(figures) - 1))]
    wanted = _round_up(usual * ROOM)
    if failing >= ALWAYS:
        why = f"fails in {failing:.0%} of the runs: repair it, accept it until a day, or raise the limit"
    elif len(stretches(readings)) >= AGAIN_AND_AGAIN and usual < 2 * warn.value:
        why = f"goes to and fro across its limit, {len(stretches(readings))} times"
    elif 0 < figures[-1] < warn.value / SLACK:
        wanted, why = _round_up(figures[-1] * 2), "never came near its limit: a lower one would notice earlier"
    else:
        return
    yield from _compared(rule, threshold, warn, wanted, why, readings)


def _compared(  # noqa: PLR0917 - the parts of one proposal
    rule: Check, threshold: Above, warn: Limit, wanted: float, why: str, readings: Sequence[Reading]
) -> Iterator[Proposal]:
    if math.isclose(wanted, warn.value):
        return
    limit = replace(warn, value=wanted)
    critical = threshold.critical if threshold.critical is None or threshold.critical.value >= wanted else limit
    target = threshold.target if threshold.target is None or threshold.target.value <= wanted else limit
    changed = replace(threshold, warn=limit, critical=critical, target=target)
    alerts = [sum(n.then.failing for n in backtest({("", ""): readings}, one)) for one in (threshold, changed)]
    yield Proposal(rule.name, why, str(threshold), str(changed), len(readings), *alerts)


def _round_up(value: float) -> float:
    """The next round figure at the value's own order of magnitude."""
    if value <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in STEPS if step * size >= value * (1 - 1e-9))
    return float(f"{step * size:.12g}")
