"""Makes a planned repair, whole or not at all: when a person asks, or by itself where the operator allowed it.

What may run by itself is allowed by rule and size; every repair keeps what it takes to undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func

from checks.engine.authoring.units import number_of
from checks.engine.collecting.rules import Rules
from checks.repairs.plan import NOTHING, Means, Trial, fixable, fixable_in_order, plan, try_out
from etl.repairs import PlanOutdated, RepairError, RepairRefused, ledger
from etl.repairs.ledger import Repair, State


def apply(rules: Rules, plan: int, means: Means, who: str, *, snapshot: str | None = None) -> Repair:
    """Make the repair of a plan in the transaction of `means`; one that is applied already stays as it is.

    Raises PlanOutdated where the rows are not those of the plan any more, and RepairRefused where it would not help.
    The caller rolls back then.
    """
    repair = ledger.find_repair(means.connection, plan, lock=True)
    if repair.state in {State.APPLIED, State.FORGOTTEN}:
        return repair
    _refuse_unfit(repair)
    check, _ = fixable(rules, repair.rule)
    feeds = tuple(Path(path) for path in repair.options.get("feeds", ()))
    tried = try_out(rules, check, plan, replace(means, feeds=feeds))
    _refuse_outdated(repair, tried)
    if tried.objection:
        raise RepairRefused(f"plan {plan} does not help, nothing was changed: {tried.objection}")
    return ledger.note(
        means.connection, plan, state=State.APPLIED.value, applied_by=who, applied_at=func.clock_timestamp(),
        bad_before=tried.bad_before, bad_after=tried.bad_after, score_before=tried.score_before,
        score_after=tried.score_after, snapshot=snapshot,
    )  # fmt: skip


def _refuse_unfit(repair: Repair) -> None:
    if repair.state is State.UNDONE:
        raise RepairError(f"repair {repair.id} was undone; plan it again: rally-health fix plan {repair.rule}")
    if repair.proposal:
        raise RepairRefused(
            f"plan {repair.id} is only a proposal: a person has to look at each row of {repair.rule}; correct them at"
            " their source, or in the database, and import again"
        )


def _refuse_outdated(repair: Repair, tried: Trial) -> None:
    if tried.changes == repair.changes and tried.digest == repair.digest:
        return
    planned, now = (", ".join(map(str, changes)) or "nothing" for changes in (repair.changes, tried.changes))
    told = f"it said {planned}, and now it would {now}" if planned != now else "its rows were changed since"
    raise PlanOutdated(
        f"plan {repair.id} is out of date, nothing was changed: {told}; plan again: rally-health fix plan {repair.rule}"
    )


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
            planned = plan(rules, name, means, WHO)
        if planned.repair is None and not planned.bad and planned.why == NOTHING:
            return None
        if planned.repair is None or planned.repair.proposal:
            return Attempt(name, None, planned.why or "only a proposal")
        if planned.repair.rows > most:
            rows = number_of(planned.repair.rows, "rows")
            more = f"plan {planned.repair.id} changes {rows}, at most {most:,} are allowed"
            return Attempt(name, None, f"{more}; look at it: rally-health fix show {planned.repair.id}")
        snapshot = secured(planned.repair)
        with opened() as means:
            return Attempt(name, apply(rules, planned.repair.id, means, WHO, snapshot=snapshot))
    except RepairError as error:
        return Attempt(name, None, str(error))
