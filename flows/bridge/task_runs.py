"""Task runs that Prefect shows: a unit of a check, a league on threads or on Dask, the progress of a long import."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, wait
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from checks.engine.authoring.units import Status, figure_text, number_of
from checks.engine.judging.outcome import Outcome
from checks.engine.measuring.measure import Measured, Scan, Unit
from checks.engine.reporting.report import Report, Result
from checks.engine.run import UnitHook
from checks.render.by_rule import by_rule
from etl.database import DELAYS, JITTER, RETRIES
from etl.feeds import Feed
from flows.bridge.flow_run import call, harmless, log_line, retry_transient, safely, tell
from flows.service.context import FlowOutcome, current_invocation, plain_step
from flows.service.ending import Ending, StateName
from flows.service.leagues import LeagueResult, check_one_league
from flows.service.requests import LeaguesRequest
from flows.settings import Settings, SettingsError, read_settings

RED = {Status.CRITICAL, Status.ERROR}
MOST_VERDICTS = 150


def unit_tasks() -> UnitHook:
    """Runs scans as task runs of this flow run, and other rules too where all are wanted; the log has a line for each.

    What is wanted is RALLY_PREFECT_TASK_RUNS.
    """
    # units are worked on by threads of the engine, which know nothing of the flow run
    here = copy_context()

    def run_unit(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        return here.copy().run(_unit_task, unit, work)

    return run_unit


def _unit_task(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
    def logged() -> list[Outcome]:
        outcomes = work()
        for outcome in outcomes:
            log_line(_outcome_line(outcome))
        return outcomes

    wanted = current_invocation().settings.prefect_task_runs
    if wanted == "none" or (wanted == "trouble" and not isinstance(unit, Scan)):
        return plain_step(unit.name, logged)
    rules = {query.check.name for query in unit.queries}
    title = f"scan of {unit.name}: {number_of(len(rules), 'rules')}" if isinstance(unit, Scan) else _unit_title(unit)
    return call(title, logged, what=", ".join(sorted(rules)))


def _unit_title(unit: Unit) -> str:
    parameter = unit.queries[0].parameter.label
    return f"{unit.name}[{parameter}]" if parameter else unit.name


def _outcome_line(outcome: Outcome) -> str:
    rule, parameter = outcome.query.id
    return f"{rule}{f'[{parameter}]' if parameter else ''}: {outcome.verdict.status}, {_reading_text(outcome.measured)}"


def _reading_text(measured: Measured) -> str:
    if measured.reading is None:
        return measured.error
    if measured.reading.value is not None:
        return figure_text(measured.reading.value, None)
    return "nothing to measure" if measured.reading.count is None else number_of(measured.reading.count, "bad rows")


def rule_task_runs(report: Report) -> None:
    """A task run for each rule in trouble, or for all; red where it is CRITICAL or could not be measured."""
    wanted = current_invocation().settings.prefect_task_runs
    lines = [line for line in by_rule(report.results) if wanted == "all" or (wanted == "trouble" and line.trouble)]
    for result in lines[:MOST_VERDICTS]:
        each = _verdict.with_options(
            name=result.rule, task_run_name=f"{result.rule} ({result.severity}, {result.domain})",
            description=result.summary,
        )  # fmt: skip
        each(result, return_state=True)


@task(cache_policy=NO_CACHE, persist_result=False)
def _verdict(result: Result) -> State[Any]:
    make = Failed if result.trouble and result.status in RED else Completed
    said = f"{result.title}: {result.error or result.measurement or result.note or 'nothing to measure'}"
    state: State[Any] = make(name=result.status.value.capitalize(), message=said)
    return state


BytesRead = Callable[[Feed, int], None]
EVERY_SECONDS = 5.0


@contextmanager
def shown_in_prefect(also: BytesRead) -> Iterator[BytesRead]:
    """Who to tell of bytes read: the caller's own listener and, inside a flow run, an artifact for each long feed."""
    if FlowRunContext.get() is None:
        yield also
        return
    shown = _Shown(also)
    yield shown.read
    shown.end()


@dataclass(slots=True)
class _Shown:
    also: BytesRead
    seen: dict[Feed, int] = field(default_factory=dict)
    bars: dict[Feed, UUID] = field(default_factory=dict)
    told: float = field(default_factory=time.monotonic)

    def read(self, feed: Feed, count: int) -> None:
        self.also(feed, count)
        self.seen[feed] = self.seen.get(feed, 0) + count
        if time.monotonic() - self.told > EVERY_SECONDS:
            tell(lambda: self._show(feed, min(99.0, 100 * self.seen[feed] / max(feed.path.stat().st_size, 1))))
            self.told = time.monotonic()

    def end(self) -> None:
        """A bar that was begun ends full."""
        for feed in self.bars:
            tell(lambda feed=feed: self._show(feed, 100.0))  # type: ignore[misc]

    def _show(self, feed: Feed, percent: float) -> None:
        if feed in self.bars:
            update_progress_artifact(self.bars[feed], percent)
        else:
            key = f"rally-progress-{feed.kind.name.replace('_', '-')}"
            what = f"{feed.kind.name} of {feed.league}, bytes read"
            self.bars[feed] = create_progress_artifact(percent, key=key, description=what)  # type: ignore[assignment]


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
