"""Carries out a fix inside a transaction, with the rules asked before and after."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.rules import Rules
from checks.engine.run import Options, Request, measure_on
from checks.engine.spec import Check
from checks.repairs.means import Means, steps_of
from etl.database import describe
from etl.repairs import Change, RepairError, RepairRefused, ledger
from etl.repairs.perform import perform

GATE = "gate"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a fix did: its changes, and how the rule and the score stood before and after."""

    changes: tuple[Change, ...]
    digest: str
    bad_before: int
    bad_after: int
    score_before: Decimal | None
    score_after: Decimal | None
    worse: tuple[str, ...] = ()

    @property
    def objection(self) -> str:
        """Why it must not stay; empty when it helps."""
        if self.bad_after >= self.bad_before:
            return f"the rule would still count {self.bad_after:,} bad rows, {self.bad_before:,} before"
        if (self.score_after or 0) < (self.score_before or 0):
            return (
                f"other rules would get worse ({', '.join(self.worse)}): the score would fall from {self.score_before}"
                f" to {self.score_after}"
            )
        return ""


def try_out(rules: Rules, check: Check, repair: int, means: Means) -> Trial:
    """Carry out a rule's fix in the transaction of `means`; the caller lets it stay or rolls it back."""
    watched = rules.only(one for one in rules.values() if one is check or GATE in one.mark.tags)
    if not bad_rows(_measure(rules.only([check]), means), check):
        return Trial((), "", 0, 0, None, None)
    before = _measure(watched, means)
    bad_before = bad_rows(before, check)
    assert check.fix is not None  # noqa: S101 - only rules with a fix come here
    try:
        digest = perform(means.connection, repair, steps_of(check.fix, means))
    except IntegrityError as error:
        raise RepairRefused(f"the fix of {check.name} meets a constraint: {describe(error)}") from None
    changes = ledger.changes_of(means.connection, repair)
    after = _measure(watched, means) if changes else before
    return Trial(changes, digest, bad_before, bad_rows(after, check), before.score, after.score, _worse(before, after))


def bad_rows(report: Report, check: Check) -> int:
    """How many bad rows a rule has, over all its parameters; RepairError where nobody could count them."""
    own = [result for result in report.results if result.rule == check.name]
    for result in own:
        if result.status is Status.ERROR:
            raise RepairError(f"{result.title} cannot be measured: {result.error}")
    return sum(result.count or 0 for result in own)


def _measure(rules: Rules, means: Means) -> Report:
    options = Options(details=False)
    return measure_on(means.connection, rules, Request(now=means.now, today=means.today, options=options))


def _worse(before: Report, after: Report) -> tuple[str, ...]:
    known = {result.id: result.count or 0 for result in before.results}
    return tuple(result.title for result in after.results if (result.count or 0) > known.get(result.id, 0))
