"""The flow that runs the rules and keeps what they found."""

from __future__ import annotations

from dataclasses import replace

from prefect import flow
from prefect.client.schemas.objects import State

from checks.engine.reporting.report import Report
from flows.bridge.artifacts import show_report
from flows.bridge.flow_run import run_body
from flows.bridge.task_runs import unit_tasks
from flows.bridge.zombies import note_crash
from flows.service.context import Invocation
from flows.service.ending import of_report
from flows.service.health_check import check_health as check
from flows.service.requests import CheckRequest


@flow(name="health-check", flow_run_name="health check", on_crashed=[note_crash])
def health_check(request: CheckRequest = CheckRequest()) -> State[Report]:
    """Run a selection of the rules, and keep the report in the database and as JSON.

    The final state is the band: Healthy, Watch (a score below 90), Critical (a rule is CRITICAL, the score is below 75,
    or a waiver is over), Unknown (FAILED: too little was measured to tell).
    """

    def body(invocation: Invocation) -> Report:
        return check(replace(invocation, unit_hook=unit_tasks()), request)

    return run_body(body, of_report, show_report)
