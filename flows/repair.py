"""The flow that repairs what a person approves while it waits."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from pydantic import NonNegativeFloat, PositiveFloat

from etl.repairs.ledger import Repair
from flows.bridge import artifacts
from flows.bridge.approval import approval_of, ask
from flows.bridge.flow_run import call, run_body, tell
from flows.bridge.zombies import note_crash
from flows.service.context import Surroundings
from flows.service.repair import Answer, Made, Repairs, make, of_repairs, plan_all, plans_table, question


@flow(name="repair", flow_run_name="repair", on_crashed=[note_crash])
def repair(
    rules: list[str] | None = None,
    *,
    feeds: list[str] | None = None,
    timeout: PositiveFloat = 3600,
    wait: NonNegativeFloat = 1800,
) -> State[Repairs]:
    """Plan the fixes of some `rules`, of all without, and pause until a person says which plans to apply.

    Rows that a fix takes from feeds come from these `feeds`, else from those published last. `timeout` is how many
    seconds to wait for the person, `wait` how many for an import to end. Nothing is locked while the person thinks;
    a plan whose rows have changed meanwhile is refused. To answer, resume the run: its form asks for the plans to apply
    and for your name.

    Final states: Done (nothing to repair), Repaired, Declined, Undecided (nobody decided in time), Refused (FAILED: an
    approved plan could not be applied; the others were). Whatever is not applied stays planned.
    """
    paths = [Path(feed) for feed in feeds or ()]

    def body(around: Surroundings) -> Repairs:
        plans = call("plan", lambda: plan_all(around.settings, rules or (), paths, wait), what="Try fixes out.")
        planned = Repairs(plans)
        answer = _ask(planned.ready, timeout) if planned.ready else None
        made = tuple(_make(around, one, answer, wait) for one in planned.ready if answer and one.id in answer.plans)
        return Repairs(plans, answer, made)

    return run_body(body, of_repairs, show_repairs)


def show_repairs(done: Repairs) -> None:
    """Show what became of the approved plans."""
    if done.made:
        rows = [row | {"why": one.why} for one in done.made for row in plans_table([one.repair])]
        create_table_artifact(rows, key=artifacts.key("repairs"), description="What was approved, and became of it")


def _ask(ready: tuple[Repair, ...], timeout: float) -> Answer | None:
    what = "What waits for an approval"
    tell(lambda: create_table_artifact(plans_table(ready), key=artifacts.key("plans"), description=what))
    said = ask(approval_of([one.id for one in ready], question(ready)), timeout)
    return Answer(tuple(said.approve), said.who.strip()) if said else None


def _make(around: Surroundings, planned: Repair, answer: Answer, wait: float) -> Made:
    return call(f"apply plan {planned.id}", lambda: make(around.settings, planned, answer.who, wait), what=planned.rule)
