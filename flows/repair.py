"""The flow that repairs what a person approves while it waits."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flows.bridge.approval import ask_person
from flows.bridge.artifacts import show_repairs
from flows.bridge.flow_run import run_body
from flows.bridge.zombies import note_crash
from flows.service.context import Invocation
from flows.service.repair import Repairs, of_repairs, repair_with_approval
from flows.service.requests import RepairRequest


@flow(name="repair", flow_run_name="repair", on_crashed=[note_crash])
def repair(request: RepairRequest = RepairRequest()) -> State[Repairs]:
    """Plan the fixes of some rules, of all without, and pause until a person says which plans to apply.

    Nothing is locked while the person thinks; a plan whose rows have changed meanwhile is refused. To answer, resume
    the run: its form asks for the plans to apply and for your name.

    Final states: Done (nothing to repair), Repaired, Declined, Undecided (nobody decided in time), Refused (FAILED: an
    approved plan could not be applied; the others were). Whatever is not applied stays planned.
    """

    def body(invocation: Invocation) -> Repairs:
        return repair_with_approval(invocation, request, ask_person)

    return run_body(body, of_repairs, show_repairs)
