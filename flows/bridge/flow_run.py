"""How often a step is tried, with Prefect and without.

Errors on their way into Prefect, which stores their text in clear.

Steps of a flow: task runs inside a flow run, plain calls with the same retries outside.

Flow runs: what every flow's body has in common, and running one from a process that does not depend on Prefect.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect import Flow, Task, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)
from prefect.states import Completed, Failed
from sqlalchemy.exc import DBAPIError

from alerts import AlertError
from checks.engine.authoring import CheckError
from etl import DatabaseUnavailable, EtlError
from etl.circuit_breaker import ImportsStopped
from etl.database import DELAYS, JITTER, RETRIES, describe_error, is_transient, retried
from flows.bridge.zombies import COMMAND_LINE, process_tag, reap
from flows.service.context import Kept, Surroundings, surrounded, surroundings, without_prefect
from flows.service.ending import Ending, StateName
from flows.settings import SettingsError

R = TypeVar("R")

OWN = (EtlError, CheckError, AlertError, SettingsError)
"""Errors whose texts are ours, and hold neither rows nor secrets."""


class RunFailed(Exception):
    """A failure whose own text is not for Prefect's eyes."""


def safely(kept: Kept, work: Callable[[], R]) -> R:
    """Do the work; what it raises is kept for the caller, and goes on with a text that holds no data."""
    try:
        return work()
    except Exception as error:
        kept.error = kept.error if isinstance(error, RunFailed) else error
        safe = harmless(error)
        if safe is error:
            raise
        raise safe from None


def harmless(error: Exception) -> Exception:
    """The same error, or one in its place whose text holds no data; as transient as it was."""
    if isinstance(error, (RunFailed, *OWN)):
        return error
    if isinstance(error, DBAPIError):
        return DatabaseUnavailable(describe_error(error)) if is_transient(error) else RunFailed(describe_error(error))
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
    return safely(surroundings().kept, work)


def call(name: str, work: Callable[[], R], *, what: str = "") -> R:
    """Do a piece of work as a task run of this name, or plainly where there is no flow run.

    Task runs carry no tags: for each tagged one Prefect asks its API for a concurrency slot, and waits for the answer.
    """
    if FlowRunContext.get() is None:
        return retried(work)
    named: Task[..., Any] = step.with_options(name=name, task_run_name=name, description=what or None)
    done: R = named(work)  # type: ignore[assignment]  # Prefect types any task as one that may be a coroutine
    return done


log = logging.getLogger(__name__)

BUSY = {429, 502, 503}
BUSY_SECONDS = 3.0
PAUSE_SECONDS = 0.3
PATIENCE = {
    # one request more for a token that our requests do not need
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
    PREFECT_CLIENT_MAX_RETRIES: 0,
    PREFECT_API_REQUEST_TIMEOUT: 3.0,
}
"""How long a command waits for Prefect: with its own settings it waits more than two minutes for one that is away."""


def run_body(body: Callable[[Surroundings], R], ending: Callable[[R], Ending], show: Callable[[R], None]) -> State[R]:
    """Do a flow's work, show what came of it, and return the final state that says so by name."""
    around = surroundings()
    around.kept.started = True
    with TagsContext(
        current_tags=set()
    ):  # the flow run's own are not for its task runs; see `flows.bridge.flow_run.call`
        try:
            around.kept.value = result = safely(around.kept, lambda: body(around))
        except ImportsStopped as stopped:
            return _final(around.kept, Ending(StateName.BLOCKED, str(stopped)))
        around.kept.error = None
        around.kept.done = True
        tell(lambda: show(result))
    return _final(around.kept, ending(result), result)


def _final(kept: Kept, end: Ending, result: R | None = None) -> State[R]:
    make = Failed if end.failed else Completed
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        kept.final = context.flow_run.id, make(name=end.name.value, message=end.message)
    state: State[R] = make(name=end.name.value, message=end.message, data=None if end.failed else result)
    return state


def tell(work: Callable[[], object]) -> None:
    """Tell Prefect something that the run does not depend on; once it does not listen, nothing more is told."""
    kept = surroundings().kept
    if kept.lost:
        return
    try:
        patiently(work)
    except Exception as error:  # noqa: BLE001 - whatever a client of an API that is away may raise
        kept.lost = type(error).__name__
        log.warning("Prefect is not told any more of this run: %s", kept.lost)


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
    flow: Flow[..., Any], plain: Callable[[Surroundings], R], around: Surroundings, parameters: Mapping[str, Any]
) -> R:
    """Run a flow, and return what its body came to, whatever becomes of the flow run."""
    kept = around.kept
    try:
        with _patience(), _quiet(), surrounded(around), tags(COMMAND_LINE, process_tag()):
            with get_client(sync_client=True) as client:
                patiently(lambda: reap(client))
            patiently(lambda: flow(**parameters), unless=lambda: kept.started)
    except Exception as error:  # noqa: BLE001 - the flow run's error; what counts is what the body came to
        if not kept.started:
            return plain(without_prefect(around, type(error).__name__))
        if kept.done and not kept.lost and not _said_by_the_state(error):
            kept.lost = _unsaid(kept, error)
    if kept.error is not None:
        raise kept.error
    result: R = kept.value
    return result


def _unsaid(kept: Kept, error: Exception) -> str:
    """Why the final state could not be said, after a second try where the API was only busy; empty when that worked."""
    if not isinstance(error, PrefectHTTPStatusError) or kept.final is None:
        return type(error).__name__
    run, state = kept.final
    try:
        with _patience(), get_client(sync_client=True) as client:
            patiently(lambda: client.set_flow_run_state(run, state, force=True))
    except Exception as again:  # noqa: BLE001 - as above
        return type(again).__name__
    return ""


def _said_by_the_state(error: Exception) -> bool:
    """Whether the error is only how Prefect returns a final state of the type FAILED."""
    return type(error).__name__ in {"FailedRun", "UnfinishedRun"}


@contextmanager
def _patience() -> Iterator[None]:
    with temporary_settings(PATIENCE):
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
