"""Steps of a flow: task runs inside a flow run, plain calls with the same retries outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext

from etl.database import is_transient
from flows.context import surroundings
from flows.retrying import DELAYS, JITTER, RETRIES, retried
from flows.safely import safely

R = TypeVar("R")


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
