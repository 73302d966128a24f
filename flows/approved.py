"""Repairs that a person approved, or did not: what a run of them came to, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.render.markdown import plain
from checks.repairs import Plan
from etl.repairs import Repair, RepairError
from flows.checking import rules_of
from flows.database import open_engine
from flows.repairing import apply_plan, plan_repairs
from flows.settings import Settings
from flows.states import Ending, Name


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
        return f"repair {self.repair.id} of {self.repair.rule}: {said(self.repair)}"


@dataclass(frozen=True, slots=True)
class Repairs:
    """What a run came to. Without an `answer` nobody was asked, or nobody decided."""

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


def plan_all(settings: Settings, names: Sequence[str], feeds: Sequence[Path], wait: float) -> tuple[Plan, ...]:
    """Plan the repairs of some rules, or of all; no row is taken along, for rows are not for Prefect's eyes."""
    with open_engine(settings, application="rally-health repair") as engine:
        return plan_repairs(engine, rules_of(settings), names, feeds, show=0, wait=wait)


def make(settings: Settings, planned: Repair, who: str, wait: float) -> Made:
    """Apply a plan in the name of who approved it; what must not be applied any more is told, and left planned."""
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
        return Ending(Name.DONE, f"nothing to repair: {tried} {'fix was' if tried == 1 else 'fixes were'} tried")
    if done.answer is None:
        return Ending(Name.UNDECIDED, f"nobody decided, and nothing was changed: {left}")
    if not done.made:
        return Ending(Name.DECLINED, f"declined, and nothing was changed: {left}")
    worst_first = sorted(done.made, key=lambda one: not one.why)
    return Ending(Name.REFUSED if done.refused else Name.REPAIRED, "; ".join(map(str, worst_first)))


def question(plans: Sequence[Repair]) -> str:
    """What stands above the form, as Markdown: each plan in a line."""
    lines = [f"- **plan {one.id}**, {plain(one.rule)}: {plain(said(one))}" for one in plans]
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


def said(one: Repair) -> str:
    """What a repair changes, and what that is good for."""
    what = ", ".join(map(str, one.changes))
    return f"{what}; bad rows {one.bad_before:,} -> {one.bad_after:,}"


def _cells(one: Repair) -> Iterator[tuple[str, Any]]:
    yield "plan", one.id
    yield "rule", one.rule
    yield "does", one.summary
    yield "changes", ", ".join(map(str, one.changes))
    yield "rows", one.rows
    yield "bad rows", f"{one.bad_before:,} -> {one.bad_after:,}"
    yield "gate score", f"{one.score_before} -> {one.score_after}"
    yield "state", one.state.value


def _waiting(plans: Sequence[Repair]) -> str:
    numbers = ", ".join(str(one.id) for one in plans)
    return f"1 plan waits ({numbers})" if len(plans) == 1 else f"{len(plans)} plans wait ({numbers})"
