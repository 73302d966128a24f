"""The Prefect flows, and nothing else: each takes one request, calls one service, and ends in a state with a name.

What a flow does stands in `flows/service`; how Prefect is served stands in `flows/bridge`. prefect.yaml deploys them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.client.schemas.objects import State

from alerts.outbox.dispatch import Dispatched
from checks.engine.reporting.report import Report
from etl.importing import ImportReport
from flows.bridge.approval import ask_person
from flows.bridge.artifacts import show_import, show_repairs, show_report, show_review
from flows.bridge.entry import prefect_facts
from flows.bridge.flow_run import as_subflow, run_body
from flows.bridge.task_runs import check_in_tasks, shown_in_prefect, task_runner, unit_tasks
from flows.bridge.zombies import note_crash
from flows.service import requests
from flows.service.alerts import Watched, dispatch_round, of_round, of_watch, policy_of, watch_once
from flows.service.context import Invocation
from flows.service.ending import Ending, StateName, of_import, of_report
from flows.service.health_check import check_health as check
from flows.service.import_feeds import Night, import_all, of_night, run_night
from flows.service.leagues import LeagueResult, check_leagues, of_leagues
from flows.service.repair import Repairs, of_repairs, repair_with_approval
from flows.service.review import of_review, publish_review
from flows.service.stops import look_for_crashes

if TYPE_CHECKING:
    from checks.review.section import Review


@flow(name="import-feeds", flow_run_name="import of feeds", on_crashed=[note_crash], on_cancellation=[note_crash])
def import_feeds(request: requests.ImportRequest = requests.ImportRequest()) -> State[ImportReport]:
    """Import feeds: files, folders of a league, or trees; each is published on its own, whole or not at all.

    Final states: Published, Unchanged, Blocked (the gate refused a feed), Refused (FAILED: a feed cannot be read).
    """

    def body(invocation: Invocation) -> ImportReport:
        with shown_in_prefect(invocation.progress) as progress:
            return import_all(replace(invocation, progress=progress), request)

    return run_body(body, of_import, show_import)


@flow(name="health-check", flow_run_name="health check", on_crashed=[note_crash])
def health_check(request: requests.CheckRequest = requests.CheckRequest()) -> State[Report]:
    """Run a selection of the rules, and keep the report in the database and as JSON.

    The final state is the band: Healthy, Watch (a score below 90), Critical (a rule is CRITICAL, the score is below 75,
    or a waiver is over), Unknown (FAILED: too little was measured to tell).
    """

    def body(invocation: Invocation) -> Report:
        return check(replace(invocation, unit_hook=unit_tasks()), request)

    return run_body(body, of_report, show_report)


@flow(name="nightly", flow_run_name="night")
def nightly(request: requests.NightRequest = requests.NightRequest()) -> State[Night]:
    """Import the feeds of the night, then run the rules; each is a flow run of its own inside this one.

    Where a feed could not be read, nothing is checked; one that the gate holds stops nothing but itself. Between both
    the fixes that RALLY_AUTO_FIX allows are made; the health check's report names them.

    Final states: Refused (FAILED), Blocked (imports are stopped), or those of the health check.
    """

    def body(invocation: Invocation) -> Night:
        importing, checking = as_subflow(import_feeds, import_all), as_subflow(health_check, check)
        return run_night(invocation, request, importing, checking)

    return run_body(body, of_night)


@flow(name="review", flow_run_name="report of a period")
def review(request: requests.ReviewRequest = requests.ReviewRequest()) -> State[Any]:
    """Write a report as HTML and JSON below RALLY_REPORTS, and send it to people of the alert policy.

    Final states: Done, Undelivered (FAILED: an e-mail could not be sent yet).
    """

    def body(invocation: Invocation) -> Review:
        return publish_review(invocation, request, prefect_facts)

    return run_body(body, of_review, show_review)


@flow(name="repair", flow_run_name="repair", on_crashed=[note_crash])
def repair(request: requests.RepairRequest = requests.RepairRequest()) -> State[Repairs]:
    """Plan the fixes of some rules, of all without, and pause until a person says which plans to apply.

    Nothing is locked while the person thinks; a plan whose rows have changed meanwhile is refused. To answer, resume
    the run: its form asks for the plans to apply and for your name.

    Final states: Done (nothing to repair), Repaired, Declined, Undecided (nobody decided in time), Refused (FAILED: an
    approved plan could not be applied; the others were). Whatever is not applied stays planned.
    """

    def body(invocation: Invocation) -> Repairs:
        return repair_with_approval(invocation, request, ask_person)

    return run_body(body, of_repairs, show_repairs)


@flow(name="measure-leagues", flow_run_name="leagues side by side")
def measure_leagues(leagues: list[str], request: requests.LeaguesRequest, today: date) -> list[LeagueResult]:
    """Check each league in a task of its own; the task runner is the caller's choice."""
    return check_in_tasks(leagues, request, today)


@flow(name="league-checks", flow_run_name="league checks")
def league_checks(request: requests.LeaguesRequest = requests.LeaguesRequest()) -> State[list[LeagueResult]]:
    """Run the rules on each league by itself, all leagues by default, where RALLY_TASK_RUNNER says.

    Each league has its own report, score and incidents, as `rally-health check --league` gives them. The final state is
    that of the worst league.
    """

    def body(invocation: Invocation) -> list[LeagueResult]:
        inner = measure_leagues.with_options(task_runner=task_runner(invocation.settings))

        def side_by_side(leagues: Sequence[str], request: requests.LeaguesRequest, today: date) -> list[LeagueResult]:
            return inner([*leagues], request, today)

        return check_leagues(invocation, request, side_by_side)

    return run_body(body, of_leagues)


NO_POLICY = "no alert policy is set, and so nobody is notified of anything; see docs/ALERTS.md"


@flow(name="dispatch-alerts", flow_run_name="dispatch of alerts", on_crashed=[note_crash])
def dispatch_alerts() -> State[Dispatched | None]:
    """Plan what came due, send what waits, and ask what became of earlier messages.

    Final states: Done (also where no alert policy is set), Undelivered (FAILED: a message became a dead letter, or a
    provider is away).
    """

    def body(invocation: Invocation) -> Dispatched | None:
        return dispatch_round(invocation) if policy_of(invocation.settings) else None

    return run_body(body, lambda done: of_round(done) if done else Ending(StateName.DONE, NO_POLICY))


@flow(name="watch", flow_run_name="dead man's switch", on_crashed=[note_crash])
def watch() -> State[Watched | None]:
    """Tell the watchers of the alert policy when no health check has finished for too long, or the database is away.

    Final states: Done (also where no alert policy is set), Critical (there was something to tell), Undelivered (FAILED:
    and nobody could be notified).
    """

    def body(invocation: Invocation) -> Watched | None:
        look_for_crashes(invocation)
        return watch_once(invocation) if policy_of(invocation.settings) else None

    return run_body(body, lambda seen: of_watch(seen) if seen else Ending(StateName.DONE, NO_POLICY))
