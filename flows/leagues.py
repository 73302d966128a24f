"""The flow for more leagues than one process can measure: each league by itself, on threads, Dask or Ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, wait
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from sqlalchemy import select

from checks.engine.reporting.report import Report
from etl.database import DELAYS, JITTER, RETRIES
from etl.tables import leagues as known_leagues
from flows.bridge.flow_run import harmless, retry_transient, run_body, safely
from flows.service.context import Kept, Surroundings, open_engine
from flows.service.ending import Ending, StateName, of_report
from flows.service.health_check import Wish, check_health, chosen, today_here
from flows.settings import Settings, SettingsError, default_variables, read_settings

OWN_CLUSTER = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
"""Dask's workers where no scheduler is named: processes of this machine, on any free port of loopback."""
OWN_RAY = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}
"""The same for Ray, which listens on all addresses of the machine, and asks whoever comes for its token."""
ORDER = (StateName.HEALTHY, StateName.DEGRADED, StateName.UNMEASURED, StateName.CRITICAL)


@dataclass(frozen=True, slots=True)
class Part:
    """What one league came to: its document as `check --json` writes it, and how its run ended.

    One that could not be checked has an empty document and the error that kept it from that.
    """

    league: str
    document: dict[str, Any]
    ending: Ending
    error: Exception | None = None


@task(
    task_run_name="check {league}", retries=RETRIES, retry_delay_seconds=DELAYS, retry_jitter_factor=JITTER,
    retry_condition_fn=retry_transient, cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
def check_league(league: str, tags: Sequence[str], names: Sequence[str], today: date, keep: bool) -> Part:
    """Run rules on one league, with settings and connections of the process that does it."""

    def work() -> Report:
        wish = Wish(chosen(tags=tags, names=names, leagues=[league]), today, workers=1, keep=keep)
        return check_health(read_settings(), wish)

    report = safely(Kept(), work)
    return Part(league, report.to_json(), of_report(report))


@flow(name="measure-leagues", flow_run_name="leagues side by side")
def measure_leagues(leagues: list[str], tags: list[str], names: list[str], today: date, keep: bool) -> list[Part]:
    """Check each league in a task of its own; the task runner is the caller's choice.

    A league that cannot be checked does not cost the others their result. Where none can, the first one's error is
    raised.
    """
    futures = [check_league.submit(league, tags, names, today, keep) for league in leagues]
    wait(futures)
    parts = [_part(league, future) for league, future in zip(leagues, futures, strict=True)]
    errors = [part.error for part in parts if part.error]
    if errors and len(errors) == len(parts):
        raise errors[0]
    return parts


def _part(league: str, future: PrefectFuture[Part]) -> Part:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - the task's own error, or that of an engine whose worker is gone
        safe = harmless(error)
        return Part(league, {}, Ending(StateName.UNMEASURED, str(safe)), safe)


@flow(name="league-checks", flow_run_name="league checks")
def league_checks(
    leagues: list[str] | None = None,
    *,
    tags: list[str] | None = None,
    names: list[str] | None = None,
    today: date | None = None,
    keep: bool = True,
) -> State[list[Part]]:
    """Run the rules on each league by itself, all leagues by default, where RALLY_TASK_RUNNER says.

    Each league has its own report, score and incidents, as `rally-health check --league` gives them. The final state is
    that of the worst league.
    """

    def body(around: Surroundings) -> list[Part]:
        runner = task_runner(around.settings)
        chosen_leagues = leagues or _all_leagues(around.settings)
        inner = measure_leagues.with_options(task_runner=runner)
        return inner(chosen_leagues, tags or [], names or [], today or today_here(), keep)

    return run_body(body, of_parts, lambda parts: None)


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """The task runner that the settings name. Raises SettingsError where its package is not installed."""
    if settings.task_runner == "thread":
        return ThreadPoolTaskRunner(max_workers=4)
    extra, address = settings.task_runner, settings.task_runner_address
    try:
        module: Any = import_module(f"prefect_{extra}")
    except ImportError:
        raise SettingsError(f"RALLY_TASK_RUNNER is {extra}; pip install 'rally-data-health[{extra}]'") from None
    made: TaskRunner[Any]
    if extra == "dask":
        made = module.DaskTaskRunner(address=address, cluster_kwargs=None if address else OWN_CLUSTER)
    else:
        # Ray asks its own authors' server home otherwise, and looks at the variable when it starts
        default_variables(RAY_USAGE_STATS_ENABLED="0")
        made = module.RayTaskRunner(address=address, init_kwargs=None if address else OWN_RAY)
    return made


def of_parts(parts: Sequence[Part]) -> Ending:
    """The ending of the worst league, and which leagues could not be checked."""
    if not parts:
        return Ending(StateName.UNMEASURED, "there is no league")
    worst = max(parts, key=lambda part: ORDER.index(part.ending.name))
    lost = ", ".join(part.league for part in parts if part.error)
    message = f"{len(parts)} leagues, the worst is {worst.league}: {worst.ending.message}"
    return Ending(worst.ending.name, f"{message}; not checked: {lost}" if lost else message)


def _all_leagues(settings: Settings) -> list[str]:
    with open_engine(settings, application="rally-health leagues") as engine, engine.begin() as connection:
        return list(connection.execute(select(known_leagues.c.league_id).order_by(known_leagues.c.league_id)).scalars())
