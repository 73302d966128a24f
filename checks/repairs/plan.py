"""Plans a repair by making it and rolling it back, so that what it would change is counted and not guessed.

A fix asks for what it needs by argument name, as a rule does, and answers with steps; rules are asked before and after.
Fixes of several rules are planned in the order in which they help each other, and a plan shows keys and references,
never people.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from checks.engine.authoring import CheckDefinitionError, SelectionError
from checks.engine.authoring.spec import Check, Source
from checks.engine.authoring.units import Status, number_of
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Request, measure_on
from checks.scopes import DIMENSIONS
from etl import DatabaseUnavailable
from etl.database import describe_error
from etl.repairs import RepairError, RepairRefused, RepairUnmeasured, Step, ledger
from etl.repairs.ledger import Change, Repair
from etl.repairs.perform import perform
from etl.tables import metadata, repair_rows

Fix = TypeVar("Fix", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Means:
    """What a fix has to work with: `feeds` are the paths that the operator gave, none to take the published ones."""

    connection: Connection
    now: datetime
    today: date
    feeds: tuple[Path, ...] = ()


def steps_of(fix: Callable[..., Any], means: Means) -> tuple[Step, ...]:
    """The steps of a fix; raises CheckDefinitionError where it asks for something that nobody has."""
    available = {field.name: getattr(means, field.name) for field in fields(means)}
    wanted = list(inspect.signature(fix).parameters)
    unknown = [name for name in wanted if name not in available]
    if unknown:
        raise CheckDefinitionError(
            f"fix {fix.__qualname__}() asks for {unknown[0]!r}; available: {', '.join(sorted(available))}"
        )
    found: Step | Sequence[Step] = fix(**{name: available[name] for name in wanted})
    steps = tuple(found) if isinstance(found, Sequence) and not isinstance(found, str) else (found,)
    for stranger in (step for step in steps if not isinstance(step, Step)):
        raise CheckDefinitionError(
            f"{Source.of(fix)}: fix {fix.__qualname__}() returned {type(stranger).__name__}; expected steps of"
            " etl.repairs: Update, Delete, Insert, Merge or Adopt"
        )
    return steps


def summary_of(fix: Callable[..., Any]) -> str:
    """What a fix does, in one line."""
    return (inspect.getdoc(fix) or fix.__name__.replace("_", " ")).splitlines()[0].strip()


def proposal(fix: Fix) -> Fix:
    """Mark a fix that is only shown: a person has to decide row by row, so it cannot be applied."""
    vars(fix)["proposal"] = True
    return fix


def is_proposal(fix: Callable[..., Any]) -> bool:
    """Whether a fix is only shown."""
    return bool(vars(fix).get("proposal"))


LAST = ("team_without_schedule", "gap_in_league_schedule", "missing_constraint")
"""What comes in is linked to the teams that there are, and constraints need clean rows."""
FIRST = ("alias_into_another_league", "duplicate_team", "twin_team", "duplicate_match")
"""Names decide what rows are linked to, teams are referred to, and copies would be repaired twice."""


def fixable_in_order(rules: Rules) -> tuple[Check, ...]:
    """The rules that have a fix, the ones first that others build on."""
    return tuple(sorted((check for check in rules.values() if check.fix), key=_place))


def fixable(rules: Rules, name: str) -> tuple[Check, Callable[..., Any]]:
    """A rule and its fix; SelectionError, which names what there is, for a rule without one."""
    if name not in rules:
        Selection(names=(name,)).apply(rules)
    check = rules.get(name)
    if check is None or check.fix is None:
        known = ", ".join(one.name for one in fixable_in_order(rules))
        raise SelectionError(f"rule {name!r} has no fix; rules with a fix: {known}")
    return check, check.fix


def _place(check: Check) -> tuple[int, str, str]:
    if check.name in FIRST:
        return FIRST.index(check.name), "", ""
    if check.name in LAST:
        return len(FIRST) + 1 + LAST.index(check.name), "", ""
    return len(FIRST), check.domain, check.name


PERSONAL = frozenset({"first_name", "last_name", "email"})


@dataclass(frozen=True, slots=True)
class Preview:
    """One row: how it is known, and which columns change from what to what."""

    table: str
    action: str
    key: Mapping[str, str | None]
    changes: Mapping[str, tuple[str | None, str | None]]

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.key.items() if value is not None)
        changed = "; ".join(f"{name}: {old} -> {new}" for name, (old, new) in self.changes.items())
        return f"{self.action} {self.table.removeprefix('public.')} ({named}){': ' if changed else ''}{changed}"


def preview(connection: Connection, repair: int, limit: int | None = 10) -> tuple[Preview, ...]:
    """The rows that a repair changes, in the order of its steps."""
    row = repair_rows.c
    wanted = select(row.table, row.action, row.key, row.before, row.after).where(
        row.repair_id == repair, row.action != "sequence"
    )
    found = connection.execute(wanted.order_by(row.step, row.id).limit(limit))
    return tuple(_preview(*one) for one in found)


def _preview(table: str, action: str, key: dict[str, Any], before: Any, after: Any) -> Preview:
    known = {**(before or {}), **key}
    names = [name for name in ("id", *_key_of(table)) if name in known and name not in PERSONAL]
    shown = {name: known[name] for name in names} or dict(key)
    changed = _changes(before or {}, after or {}) if action in ("update", "constraint") else {}
    return Preview(table, action, shown, changed)


def _key_of(table: str) -> tuple[str, ...]:
    known = metadata.tables.get(table.removeprefix("public."))
    return tuple(known.info.get("key", ())) if known is not None else ()


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    names = [name for name in after | before if before.get(name) != after.get(name)]
    return {name: ("…", "…") if name in PERSONAL else (before.get(name), after.get(name)) for name in names}


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
            return f"the rule would still count {number_of(self.bad_after, 'bad rows')}, {self.bad_before:,} before"
        if self._is_worse:
            return (
                f"other rules would get worse ({', '.join(self.worse)}): the score would fall from {self.score_before}"
                f" to {self.score_after}"
            )
        return ""

    @property
    def _is_worse(self) -> bool:
        """Whether the score fell; where too little could be measured for one, whether any rule got worse."""
        if self.score_before is None or self.score_after is None:
            return bool(self.worse)
        return self.score_after < self.score_before


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
        raise RepairRefused(f"the fix of {check.name} meets a constraint: {describe_error(error)}") from None
    changes = ledger.changes_of(means.connection, repair)
    after = _measure(watched, means) if changes else before
    # the rules of the gate are few: what they score is compared, whatever share of all that is
    scores = before.net.value, after.net.value
    return Trial(changes, digest, bad_before, bad_rows(after, check), *scores, _worse(before, after))


def bad_rows(report: Report, check: Check) -> int:
    """How many bad rows a rule has, over all its parameters; RepairUnmeasured where nobody could count them."""
    results = [result for result in report.results if result.rule == check.name]
    for result in results:
        if result.status is Status.ERROR:
            raise RepairUnmeasured(f"{result.title} cannot be measured: {result.error}")
    return sum(result.count or 0 for result in results)


def _measure(rules: Rules, means: Means) -> Report:
    options = Options(details=False, statements=False, floor=0)
    request = Request(now=means.now, today=means.today, options=options, dimensions=DIMENSIONS, tables=metadata.tables)
    report = measure_on(means.connection, rules, request)
    if means.connection.invalidated:
        # of no rule's doing: nothing can be committed on it any more
        raise DatabaseUnavailable("the connection was lost while a fix was tried out; nothing was changed, try again")
    return report


def _worse(before: Report, after: Report) -> tuple[str, ...]:
    known = {result.id: result.count or 0 for result in before.results}
    return tuple(result.title for result in after.results if (result.count or 0) > known.get(result.id, 0))


NOTHING = "nothing to repair"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fix would do. Without a `repair` there is nothing to apply, and `why` says why.

    `unmeasured`: nobody could count whether there is anything to repair.
    """

    rule: str
    summary: str
    repair: Repair | None
    rows: tuple[Preview, ...] = ()
    why: str = ""
    bad: int = 0
    unmeasured: bool = False


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
        return Plan(name, summary, None, why=str(error), unmeasured=isinstance(error, RepairUnmeasured))
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
        return f"none of its {number_of(tried.bad_before, 'bad rows')} can be repaired this way"
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
