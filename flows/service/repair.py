"""Repairs with the settings of this process: planned, approved by a person, made, undone, and snapshots restored.

Each happens under the importer's lock, and behind a snapshot. A snapshot is restored only where the rules say that it
is no worse than what is there. A run that asks a person holds neither lock nor transaction while it waits.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Request, measure_on
from checks.render.formats import plain
from checks.repairs.apply import Attempt, apply, auto_fix
from checks.repairs.plan import Means, Plan, fixable_in_order, plan
from checks.scopes import DIMENSIONS
from etl.database import retried
from etl.importing.import_run import importer_lock
from etl.importing.ledger import lock_publishing
from etl.repairs import RepairError, ledger
from etl.repairs.ledger import Repair, State
from etl.repairs.undo import undo
from etl.restore import Restored, Rows, restore
from etl.snapshots import Snapshot, take_snapshot
from etl.tables import metadata
from flows.service.catalogue import rules_of
from flows.service.context import Invocation, moment, open_engine, today_here
from flows.service.ending import Ending, StateName
from flows.service.requests import RepairRequest
from flows.settings import Settings

WAIT = 10.0
"""Seconds that a repair waits for an import, or another repair, to end."""


def snapshot_before(engine: Engine, settings: Settings, what: str) -> Snapshot:
    """Take the snapshot that stands before anything dangerous."""
    return take_snapshot(engine, settings.snapshot_folder, f"before {what}", getpass.getuser(), automatic=True)


@contextmanager
def writing(engine: Engine, *, wait: float = WAIT) -> Iterator[Connection]:
    """A transaction that writes league data; no import and no repair does so meanwhile."""
    with importer_lock(engine, wait=wait) as connection:
        # an import that has lost its lock may still be at its last feed
        lock_publishing(connection)
        yield connection


@contextmanager
def means(engine: Engine, feeds: Sequence[Path] = (), *, wait: float = WAIT) -> Iterator[Means]:
    """A transaction for one repair; no import and no other repair runs meanwhile."""
    with writing(engine, wait=wait) as connection:
        yield Means(connection, moment(None), today_here(), tuple(feeds))


def plan_repairs(
    engine: Engine,
    rules: Rules,
    names: Sequence[str] = (),
    feeds: Sequence[Path] = (),
    *,
    show: int | None = 10,
    wait: float = WAIT,
) -> tuple[Plan, ...]:
    """Plan the repair of some rules, or of all that have a fix; the plans are kept, their changes are not."""
    wanted = names or [check.name for check in fixable_in_order(rules)]
    plans = []
    for name in wanted:
        with means(engine, feeds, wait=wait) as own:
            plans.append(plan(rules, name, own, getpass.getuser(), show=show))
    return tuple(plans)


def apply_plan(
    engine: Engine, settings: Settings, number: int, *, snapshot: bool = True, who: str = "", wait: float = WAIT
) -> Repair:
    """Make the repair of a plan, behind a snapshot unless none is wanted; one that is applied already stays so.

    The ledger keeps `who` wanted it, without a name the user of this process.
    """
    with engine.begin() as connection:
        planned = ledger.find_repair(connection, number)
    taken = None
    if snapshot and planned.state is State.PLANNED and not planned.proposal:
        taken = snapshot_before(engine, settings, f"fix {number} of {planned.rule}").name
    rules = rules_of(settings)

    def make_it() -> Repair:
        with means(engine, wait=wait) as own:
            return apply(rules, number, own, who or getpass.getuser(), snapshot=taken)

    # what a cut connection has committed is found applied by the next try
    return retried(make_it)


def undo_repair(engine: Engine, number: int) -> Repair:
    """Take a repair back."""

    def take_back() -> Repair:
        with writing(engine) as connection:
            return undo(connection, number, getpass.getuser())

    return retried(take_back)


def fix_what_is_allowed(settings: Settings) -> tuple[Attempt, ...]:
    """Make the repairs that RALLY_AUTO_FIX allows by rule and size: each behind a snapshot, in its own transaction."""
    if not settings.auto_fix:
        return ()
    with open_engine(settings, application="rally-health auto fix") as engine:

        def secured(planned: Repair) -> str:
            return snapshot_before(engine, settings, f"fix {planned.id} of {planned.rule}").name

        return auto_fix(rules_of(settings), settings.auto_fix, lambda: means(engine), secured)


IMPORTS = "imports"
"""The domain whose rules look at the import's own ledger, which no snapshot holds."""


def restore_snapshot(
    engine: Engine, settings: Settings, snapshot: Snapshot, *, newer: Rows, anyway: bool = False
) -> Restored:
    """Make the tables what the snapshot holds; refused where its score is below today's, unless `anyway`."""
    every = rules_of(settings)
    rules = every.only(check for check in every.values() if check.domain != IMPORTS)
    made: list[Restored] = []

    def restore_it() -> Restored:
        with writing(engine) as connection:
            if made and made[-1].repair and ledger.is_kept(connection, made[-1].repair):
                return made[-1]  # committed, though the connection was cut
            judge = _judge(None if anyway else _measure(connection, rules), rules)
            made.append(restore(connection, snapshot, getpass.getuser(), judge=judge, newer=newer))
        return made[-1]

    return retried(restore_it)


def _judge(before: Report | None, rules: Rules) -> Callable[[Connection], str]:
    return lambda loaded: _objection(before, _measure(loaded, rules)) if before else ""


def _measure(connection: Connection, rules: Rules) -> Report:
    request = Request(
        now=moment(None), today=today_here(), options=Options(details=False, statements=False, floor=0),
        dimensions=DIMENSIONS, tables=metadata.tables,
    )  # fmt: skip
    return measure_on(connection, rules, request)


def _objection(before: Report, after: Report) -> str:
    had, has = before.net.value, after.net.value
    if (has or 0) >= (had or 0):
        return ""
    return f"its score is {has}, and that of the database {had}; --anyway restores it nevertheless"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person decided: which plans, and by which name."""

    plans: tuple[int, ...]
    who: str


@dataclass(frozen=True, slots=True)
class Made:
    """An approved plan, and what became of it: applied, or refused for a reason."""

    repair: Repair
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return self.why
        return f"repair {self.repair.id} of {self.repair.rule}: {repairs_summary(self.repair)}"


@dataclass(frozen=True, slots=True)
class Repairs:
    """The plans of a run and what became of them. Without an `answer` nobody was asked, or nobody decided."""

    plans: tuple[Plan, ...]
    answer: Answer | None = None
    made: tuple[Made, ...] = ()

    @property
    def ready(self) -> tuple[Repair, ...]:
        """What can be applied, which a mere proposal cannot."""
        return tuple(one.repair for one in self.plans if one.repair and one.repair.rows and not one.repair.proposal)

    @property
    def refused(self) -> tuple[Made, ...]:
        """What was approved, and could not be made."""
        return tuple(one for one in self.made if one.why)


AskPerson = Callable[[Sequence[Repair], float], Answer | None]
"""Asks a person which of some plans to make, for so many seconds; None where nobody decided."""


def repair_with_approval(invocation: Invocation, request: RepairRequest, ask: AskPerson) -> Repairs:
    """Plan fixes, let `ask` get a person's answer, and make what was approved, plan by plan."""
    settings = invocation.settings
    plans = invocation.step(
        "plan", lambda: plan_all(settings, request.rules, request.feeds, request.wait), what="Try fixes out."
    )
    ready = Repairs(plans).ready
    answer = ask(ready, request.timeout) if ready else None
    made = [
        invocation.step(
            f"apply plan {plan.id}",
            lambda plan=plan: make(settings, plan, answer.who, request.wait),  # type: ignore[misc]  # bound at once
            what=plan.rule,
        )
        for plan in ready
        if answer and plan.id in answer.plans
    ]
    return Repairs(plans, answer, tuple(made))


def plan_all(settings: Settings, names: Sequence[str], feeds: Sequence[Path], wait: float) -> tuple[Plan, ...]:
    """Plan the repairs of some rules, or of all; no row is taken along, for rows are not for Prefect's eyes."""
    with open_engine(settings, application="rally-health repair") as engine:
        return plan_repairs(engine, rules_of(settings), names, feeds, show=0, wait=wait)


def make(settings: Settings, planned: Repair, who: str, wait: float) -> Made:
    """Apply a plan in the name of who approved it; what must not be applied any more stays planned, with why."""
    with open_engine(settings, application="rally-health repair") as engine:
        try:
            return Made(apply_plan(engine, settings, planned.id, who=who, wait=wait))
        except RepairError as error:
            return Made(planned, str(error))


def of_repairs(done: Repairs) -> Ending:
    """The ending of a run of repairs, in counts and numbers of plans alone."""
    left = f"{_waiting(done.ready)}; to apply later: rally-health fix apply"
    if not done.ready:
        tried = len(done.plans)
        return Ending(StateName.DONE, f"nothing to repair: {tried} {'fix was' if tried == 1 else 'fixes were'} tried")
    if done.answer is None:
        return Ending(StateName.UNDECIDED, f"nobody decided, and nothing was changed: {left}")
    if not done.made:
        return Ending(StateName.DECLINED, f"declined, and nothing was changed: {left}")
    worst_first = sorted(done.made, key=lambda one: not one.why)
    return Ending(StateName.REFUSED if done.refused else StateName.REPAIRED, "; ".join(map(str, worst_first)))


def question(plans: Sequence[Repair]) -> str:
    """What stands above the form, as Markdown: each plan in a line."""
    lines = [f"- **plan {one.id}**, {plain(one.rule)}: {plain(repairs_summary(one))}" for one in plans]
    return "\n".join(
        [
            "Which of these repairs shall be made?", "", *lines, "",
            "Each is made whole or not at all, behind a snapshot, and `rally-health fix undo` takes it back. One whose"
            " rows have changed since it was planned, be it by another repair, is refused: run this again for it."
            " `rally-health fix show NUMBER` shows the rows.",
        ]
    )  # fmt: skip


def plans_table(plans: Sequence[Repair]) -> list[dict[str, Any]]:
    """One line for each plan or repair: counts and tables, but no row and no key."""
    return [dict(_cells(one)) for one in plans]


def repairs_summary(one: Repair) -> str:
    """What a repair changes, and what that is good for."""
    what = ", ".join(map(str, one.changes))
    return f"{what}; bad rows {one.bad_before:,} -> {one.bad_after:,}"


def _cells(repair: Repair) -> Iterator[tuple[str, Any]]:
    yield "plan", repair.id
    yield "rule", repair.rule
    yield "does", repair.summary
    yield "changes", ", ".join(map(str, repair.changes))
    yield "rows", repair.rows
    yield "bad rows", f"{repair.bad_before:,} -> {repair.bad_after:,}"
    yield "gate score", f"{repair.score_before} -> {repair.score_after}"
    yield "state", repair.state.value


def _waiting(plans: Sequence[Repair]) -> str:
    numbers = ", ".join(str(one.id) for one in plans)
    return f"1 plan waits ({numbers})" if len(plans) == 1 else f"{len(plans)} plans wait ({numbers})"
