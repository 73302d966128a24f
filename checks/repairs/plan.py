"""Plans a repair by making it and rolling it back: what it would change is not guessed."""

from __future__ import annotations

from dataclasses import dataclass

from checks.engine.rules import Rules
from checks.repairs.listing import Preview, preview
from checks.repairs.means import Means, is_proposal, summary_of
from checks.repairs.order import fixable
from checks.repairs.trial import Trial, try_out
from etl.repairs import Repair, RepairError, ledger

NOTHING = "nothing to repair"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fix would do. Without a `repair` there is nothing to apply, and `why` says why."""

    rule: str
    summary: str
    repair: Repair | None
    rows: tuple[Preview, ...] = ()
    why: str = ""
    bad: int = 0


def plan(rules: Rules, name: str, means: Means, who: str, *, show: int | None = 10) -> Plan:
    """Plan the repair of a rule in the transaction of `means`; the plan is kept, its changes are not.

    Raises SelectionError for a rule without a fix.
    """
    check, fix = fixable(rules, name)
    summary = summary_of(fix)
    trial = means.connection.begin_nested()
    try:
        number = ledger.open_rehearsal(means.connection)
        tried = try_out(rules, check, number, means)
        rows = preview(means.connection, number, show)
    except RepairError as error:
        return Plan(name, summary, None, why=str(error))
    finally:
        trial.rollback()
    proposal = is_proposal(fix)
    why = _why_not(tried, proposal=proposal)
    if why:
        return Plan(name, summary, None, rows, why, tried.bad_before)
    return Plan(name, summary, _kept(means, name, summary, tried, who, proposal=proposal), rows, bad=tried.bad_before)


def _why_not(tried: Trial, *, proposal: bool) -> str:
    if not tried.bad_before:
        return NOTHING
    if not tried.changes:
        return f"none of its {tried.bad_before:,} bad rows can be repaired this way"
    return "" if proposal else tried.objection


def _kept(means: Means, name: str, summary: str, tried: Trial, who: str, *, proposal: bool) -> Repair:
    number = ledger.open_repair(
        means.connection, rule=name, summary=summary, proposal=proposal, digest=tried.digest, planned_by=who,
        options={"feeds": [str(path) for path in means.feeds]},
    )  # fmt: skip
    return ledger.note(
        means.connection, number, changes=tried.changes, bad_before=tried.bad_before, bad_after=tried.bad_after,
        score_before=tried.score_before, score_after=tried.score_after,
    )  # fmt: skip
