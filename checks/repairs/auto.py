"""Repairs that nobody has to ask for, where the operator allowed them by rule and size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from checks.engine.rules import Rules
from checks.repairs.apply import apply
from checks.repairs.means import Means
from checks.repairs.order import fixable_in_order
from checks.repairs.plan import NOTHING, plan
from etl.repairs import Repair, RepairError

WHO = "rally-health (auto_fix)"
Opened = Callable[[], AbstractContextManager[Means]]
"""Opens a transaction with the means for one repair."""
Secured = Callable[[Repair], str | None]
"""Takes a snapshot before a repair, and returns its name."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A repair that was tried: done, or why not."""

    rule: str
    repair: Repair | None
    why: str = ""

    def __str__(self) -> str:
        if self.repair is None:
            return f"{self.rule} was not repaired by itself: {self.why}"
        what = ", ".join(map(str, self.repair.changes))
        return f"{self.rule} was repaired by itself: {what}; rally-health fix undo {self.repair.id} takes it back"


def auto_fix(rules: Rules, allowed: Mapping[str, int], opened: Opened, secured: Secured) -> tuple[Attempt, ...]:
    """Plan and apply the fixes of `allowed` rules that have bad rows, each in a transaction of its own.

    `allowed` says how many rows a repair of a rule may change at most; a larger one is planned, and left to a person.
    """
    wanted = [check.name for check in fixable_in_order(rules) if check.name in allowed]
    return tuple(done for name in wanted if (done := _attempt(rules, name, allowed[name], opened, secured)))


def _attempt(rules: Rules, name: str, most: int, opened: Opened, secured: Secured) -> Attempt | None:
    try:
        with opened() as means:
            found = plan(rules, name, means, WHO)
        if found.repair is None and not found.bad and found.why == NOTHING:
            return None
        if found.repair is None or found.repair.proposal:
            return Attempt(name, None, found.why or "only a proposal")
        if found.repair.rows > most:
            more = f"plan {found.repair.id} changes {found.repair.rows:,} rows, at most {most:,} are allowed"
            return Attempt(name, None, f"{more}; look at it: rally-health fix show {found.repair.id}")
        snapshot = secured(found.repair)
        with opened() as means:
            return Attempt(name, apply(rules, found.repair.id, means, WHO, snapshot=snapshot))
    except RepairError as error:
        return Attempt(name, None, str(error))
