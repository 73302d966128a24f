"""The flow for more leagues than one process can measure: each league by itself, on threads or Dask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from prefect import flow
from prefect.client.schemas.objects import State

from flows.bridge.flow_run import run_body
from flows.bridge.leagues import check_in_tasks, task_runner
from flows.service.context import Invocation
from flows.service.leagues import LeagueResult, check_leagues, of_leagues
from flows.service.requests import LeaguesRequest


@flow(name="measure-leagues", flow_run_name="leagues side by side")
def measure_leagues(leagues: list[str], request: LeaguesRequest, today: date) -> list[LeagueResult]:
    """Check each league in a task of its own; the task runner is the caller's choice."""
    return check_in_tasks(leagues, request, today)


@flow(name="league-checks", flow_run_name="league checks")
def league_checks(request: LeaguesRequest = LeaguesRequest()) -> State[list[LeagueResult]]:
    """Run the rules on each league by itself, all leagues by default, where RALLY_TASK_RUNNER says.

    Each league has its own report, score and incidents, as `rally-health check --league` gives them. The final state is
    that of the worst league.
    """

    def body(invocation: Invocation) -> list[LeagueResult]:
        inner = measure_leagues.with_options(task_runner=task_runner(invocation.settings))

        def side_by_side(leagues: Sequence[str], request: LeaguesRequest, today: date) -> list[LeagueResult]:
            return inner([*leagues], request, today)

        return check_leagues(invocation, request, side_by_side)

    return run_body(body, of_leagues)
