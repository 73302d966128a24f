"""Flow runs and task runs: what every flow's body has in common, and running one from a process that needs no Prefect.

A step is a task run inside a flow run, and a plain call with the same retries outside. An error's text is stored by
Prefect in clear, so only texts of our own get there. A command's result is what the flow's body returned, whatever
became of the flow run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import Flow, Task, tags, task
from prefect import settings as prefect_settings
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import Abort, PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.states import Completed, Failed

from alerts import AlertError
from checks.engine.authoring import CheckError
from etl import EtlError
from etl.database import DATABASE_ERRORS, DELAYS, JITTER, RETRIES, describe_error, is_transient, own_error
from flows.bridge.zombies import COMMAND_LINE, process_tag, reap, tag_run
from flows.service.context import (
    FlowOutcome,
    Invocation,
    current_invocation,
    invoked,
    plain_step,
    without_prefect,
)
from flows.service.ending import Ending, StateName, of_error
from flows.settings import SettingsError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

OWN = (EtlError, CheckError, AlertError, SettingsError)
"""Errors whose texts are ours, and hold neither rows nor secrets."""


class RunFailed(Exception):
    """A failure whose own text is not for Prefect's eyes."""


def safely(outcome: FlowOutcome, work: Callable[[], R]) -> R:
    """Do the work; what it raises is kept for the caller, and goes on with a text that holds no data."""
    try:
        return work()
    except Exception as error:
        outcome.error = outcome.error if isinstance(error, RunFailed) else error
        safe = harmless(error)
        if safe is error:
            raise
        raise safe from None


def harmless(error: Exception) -> Exception:
    """The same error, or one in its place whose text holds no data; as transient as it was."""
    if isinstance(error, (RunFailed, *OWN)):
        return error
    if isinstance(error, DATABASE_ERRORS):
        return own_error(error) or RunFailed(describe_error(error))
    return RunFailed(f"{type(error).__name__}; its text may hold data and is in the log of the process alone")


def retry_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether Prefect may try a task again; a plain function, for Prefect takes any other callable as "never"."""
    try:
        state.result()
    except Exception as error:  # noqa: BLE001 - the state's own exception, whatever it is
        return is_transient(error)
    return False


@task(
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_jitter_factor=JITTER,
    retry_condition_fn=retry_transient,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def step(work: Callable[[], Any]) -> Any:
    """Do a piece of work, again where it failed for a passing reason."""
    return safely(current_invocation().outcome, work)


def call(name: str, work: Callable[[], R], *, what: str = "") -> R:
    """Do a piece of work as a task run of this name, or plainly where there is no flow run.

    Task runs carry no tags: for each tagged one Prefect asks its API for a concurrency slot, and waits for the answer.
    """
    if FlowRunContext.get() is None:
        return plain_step(name, work)
    named: Task[..., Any] = step.with_options(name=name, task_run_name=name, description=what or None)
    done: R = named(work)  # type: ignore[assignment]  # Prefect types any task as one that may be a coroutine
    return done


BUSY = {429, 502, 503}
BUSY_SECONDS = 3.0
PAUSE_SECONDS = 0.3
PATIENCE = {
    # one request more for a token that our requests do not need
    prefect_settings.PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
    prefect_settings.PREFECT_CLIENT_MAX_RETRIES: 0,
    prefect_settings.PREFECT_API_REQUEST_TIMEOUT: 3.0,
}
"""How long a command waits for Prefect: with its own settings it waits more than two minutes for one that is away."""


def run_body(
    body: Callable[[Invocation], R], ending: Callable[[R], Ending], show: Callable[[R], None] = lambda result: None
) -> State[R]:
    """Do a flow's work in steps that Prefect shows, show its result, and return the final state that names it."""
    invocation = replace(current_invocation(), step=call, note=log_line)
    outcome = invocation.outcome
    outcome.started = True
    # tags of the flow run are not for its task runs: see `call`
    with TagsContext(current_tags=set()), invoked(invocation):
        tell(_register)
        try:
            outcome.value = result = safely(outcome, lambda: body(invocation))
        except Exception as error:
            end = of_error(error)
            if end is None:
                raise
            return _final(invocation, end)
        outcome.error = None
        outcome.done = True
        tell(lambda: show(result))
        return _final(invocation, ending(result), result)


def _register() -> None:
    """Tag this run with its process, and close runs whose process is gone."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        with get_client(sync_client=True) as client:
            tag_run(client, context.flow_run)
            reap(client)


def as_subflow(flow: Flow[..., Any], work: Callable[[Invocation, Any], R]) -> Callable[[Invocation, Any], R]:
    """A flow to be run inside another one, as a function of its request; plain `work` where it does not begin.

    What its body returned counts, whatever became of its flow run: an API that is busy fails at the final state, too.
    """

    def run_inside(invocation: Invocation, request: Any) -> R:
        outcome = FlowOutcome(lost=invocation.outcome.lost)
        with invoked(replace(invocation, outcome=outcome)):
            trouble = _trouble_of(lambda: flow(request, return_state=True))
        if trouble is not None:
            log.warning("the run of %s could not be shown as it was: %s", flow.name, reason_of(trouble))
        if not outcome.started and isinstance(trouble, Exception):
            return work(invocation, request)
        if not outcome.done:
            raise outcome.error or trouble or RunFailed(f"{flow.name} did not run")
        result: R = outcome.value
        return result

    return run_inside


def _trouble_of(work: Callable[[], object]) -> Exception | Abort | None:
    """Why Prefect could not run something, or not tell its end; None where it could."""
    try:
        work()
    except (Exception, Abort) as error:  # noqa: BLE001 - whatever a client of an API may raise, and its refusals
        return error
    return None


def log_line(line: str) -> None:
    """Write a line into the log of the flow run."""
    tell(lambda: get_run_logger().info("%s", line))


def _final(invocation: Invocation, end: Ending, result: R | None = None) -> State[R]:
    outcome = invocation.outcome
    failed = end.failed or (end.name is StateName.CRITICAL and invocation.settings.critical_fails)
    make = Failed if failed else Completed
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        outcome.final = context.flow_run.id, make(name=end.name.value, message=end.message)
    state: State[R] = make(name=end.name.value, message=end.message, data=None if failed else result)
    return state


def tell(work: Callable[[], object]) -> None:
    """Tell Prefect something that the run does not depend on; once it does not answer, nothing more is sent."""
    outcome = current_invocation().outcome
    if outcome.lost:
        return
    try:
        patiently(work)
    except Exception as error:  # noqa: BLE001 - whatever a client of an API that is away may raise
        outcome.lost = reason_of(error)
        log.warning("Prefect is not told any more of this run: %s", outcome.lost)


def reason_of(error: BaseException) -> str:
    """Why Prefect could not be reached, in a word or two."""
    return f"HTTP {error.response.status_code}" if isinstance(error, PrefectHTTPStatusError) else type(error).__name__


def patiently(work: Callable[[], R], *, unless: Callable[[], bool] = lambda: False) -> R:
    """Do the work, again for a short while where the API says that it is busy, as one with SQLite does now and then."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return work()
        except PrefectHTTPStatusError as error:
            if error.response.status_code not in BUSY or time.monotonic() > deadline or unless():
                raise
            time.sleep(PAUSE_SECONDS)


def under_prefect(
    flow: Flow[..., Any],
    work: Callable[Concatenate[Invocation, P], R],
    invocation: Invocation,
    *request: P.args,
    **more: P.kwargs,
) -> R:
    """Run a flow, and return what its body returned, whatever becomes of its run; plain `work` where none began."""
    outcome = invocation.outcome
    try:
        with _patience(), _quiet(), invoked(invocation), tags(COMMAND_LINE, process_tag()):
            patiently(lambda: flow(*request, **more), unless=lambda: outcome.started)
    except Exception as error:  # noqa: BLE001 - the flow run's error; what counts is what the body returned
        if not outcome.started:
            return work(without_prefect(invocation, reason_of(error)), *request, **more)
        if outcome.done and not outcome.lost and not _said_by_the_state(error):
            outcome.lost = _unsaid(outcome, error)
    if outcome.error is not None:
        raise outcome.error
    result: R = outcome.value
    return result


def _unsaid(outcome: FlowOutcome, error: Exception) -> str:
    """Why the final state could not be said, after a second try where the API was only busy; empty when that worked."""
    if not isinstance(error, PrefectHTTPStatusError) or outcome.final is None:
        return reason_of(error)
    run, state = outcome.final
    try:
        with _patience(), get_client(sync_client=True) as client:
            patiently(lambda: client.set_flow_run_state(run, state, force=True))
    except Exception as again:  # noqa: BLE001 - as above
        return reason_of(again)
    return ""


def _said_by_the_state(error: Exception) -> bool:
    """Whether the error is only how Prefect returns a final state of the type FAILED."""
    return type(error).__name__ in {"FailedRun", "UnfinishedRun"}


@contextmanager
def _patience() -> Iterator[None]:
    with prefect_settings.temporary_settings(PATIENCE):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave task runs out of the terminal, where the command prints its own report; the API gets their logs."""
    handlers = [one for one in logging.getLogger("prefect").handlers if isinstance(one, PrefectConsoleHandler)]
    for handler in handlers:
        handler.addFilter(_no_task_run)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_no_task_run)


def _no_task_run(record: logging.LogRecord) -> bool:
    return not record.name.startswith("prefect.task_runs")
