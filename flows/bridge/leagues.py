"""Leagues side by side: a task for each, on threads of this process or on a Dask cluster."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from etl.database import DELAYS, JITTER, RETRIES
from flows.bridge.flow_run import harmless, retry_transient, safely
from flows.service.context import FlowOutcome
from flows.service.ending import Ending, StateName
from flows.service.leagues import LeagueResult, check_one_league
from flows.service.requests import LeaguesRequest
from flows.settings import Settings, SettingsError, read_settings

OWN_CLUSTER = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
"""Dask's workers where no scheduler is named: processes of this machine, on any free port of loopback."""


@task(
    task_run_name="check {league}", retries=RETRIES, retry_delay_seconds=DELAYS, retry_jitter_factor=JITTER,
    retry_condition_fn=retry_transient, cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def check_league(league: str, request: LeaguesRequest, today: date) -> LeagueResult:
    """Run rules on one league, with settings and connections of the process that does it."""
    return safely(FlowOutcome(), lambda: check_one_league(read_settings(), league, request, today))


def check_in_tasks(leagues: list[str], request: LeaguesRequest, today: date) -> list[LeagueResult]:
    """Check each league in a task of its own; a league that cannot be checked does not cost the others their result.

    Where none can be checked, the first one's error is raised.
    """
    futures = [check_league.submit(league, request, today) for league in leagues]
    wait(futures)
    results = [_result(league, future) for league, future in zip(leagues, futures, strict=True)]
    errors = [result.error for result in results if result.error]
    if errors and len(errors) == len(results):
        raise errors[0]
    return results


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """The task runner that the settings name. Raises SettingsError where its package is not installed."""
    if settings.task_runner == "thread":
        return ThreadPoolTaskRunner(max_workers=4)
    try:
        prefect_dask: Any = import_module("prefect_dask")
    except ImportError:
        raise SettingsError("RALLY_TASK_RUNNER is dask; pip install 'rally-data-health[dask]'") from None
    address = settings.task_runner_address
    runner: TaskRunner[Any] = prefect_dask.DaskTaskRunner(
        address=address, cluster_kwargs=None if address else OWN_CLUSTER
    )
    return runner


def _result(league: str, future: PrefectFuture[LeagueResult]) -> LeagueResult:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - the task's own error, or that of an engine whose worker is gone
        safe = harmless(error)
        return LeagueResult(league, {}, Ending(StateName.UNKNOWN, str(safe)), safe)
