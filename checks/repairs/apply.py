"""Makes a planned repair, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import func

from checks.engine.rules import Rules
from checks.repairs.means import Means
from checks.repairs.order import fixable
from checks.repairs.trial import Trial, try_out
from etl.repairs import PlanOutdated, Repair, RepairError, RepairRefused, State, ledger


def apply(rules: Rules, plan: int, means: Means, who: str, *, snapshot: str | None = None) -> Repair:
    """Make the repair of a plan in the transaction of `means`; one that is applied already stays as it is.

    Raises PlanOutdated where the rows are not those of the plan any more, and RepairRefused where it would not help.
    The caller rolls back then.
    """
    known = ledger.find(means.connection, plan, lock=True)
    if known.state in {State.APPLIED, State.FORGOTTEN}:
        return known
    _refuse_unfit(known)
    check, _ = fixable(rules, known.rule)
    feeds = tuple(Path(path) for path in known.options.get("feeds", ()))
    tried = try_out(rules, check, plan, replace(means, feeds=feeds))
    _refuse_outdated(known, tried)
    if tried.objection:
        raise RepairRefused(f"plan {plan} does not help, nothing was changed: {tried.objection}")
    return ledger.note(
        means.connection, plan, state=State.APPLIED.value, applied_by=who, applied_at=func.clock_timestamp(),
        bad_before=tried.bad_before, bad_after=tried.bad_after, score_before=tried.score_before,
        score_after=tried.score_after, snapshot=snapshot,
    )  # fmt: skip


def _refuse_unfit(known: Repair) -> None:
    if known.state is State.UNDONE:
        raise RepairError(f"repair {known.id} was undone; plan it again: rally-health fix plan {known.rule}")
    if known.proposal:
        raise RepairRefused(
            f"plan {known.id} is only a proposal: a person has to look at each row of {known.rule}; correct them at"
            " their source, or in the database, and import again"
        )


def _refuse_outdated(known: Repair, tried: Trial) -> None:
    if tried.changes == known.changes and tried.digest == known.digest:
        return
    planned, now = (", ".join(map(str, changes)) or "nothing" for changes in (known.changes, tried.changes))
    told = f"it said {planned}, and now it would {now}" if planned != now else "its rows were changed since"
    raise PlanOutdated(
        f"plan {known.id} is out of date, nothing was changed: {told}; plan again: rally-health fix plan {known.rule}"
    )
