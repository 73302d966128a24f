"""One body, with or without Prefect.

Where a Prefect API is set and answers, a flow runs as a flow run and its tasks as task runs. Without one the same
functions run plainly, with the same retries: no server is started, and an API that is away stops no data work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import httpx
import tenacity
from prefect import Flow, Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings

from etl.database import is_transient

P = ParamSpec("P")
R = TypeVar("R")

PROBE_SECONDS = 3
RETRIES = 3
FIRST_DELAY = 1.0


def retry_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether Prefect may try a task again; a plain function, for Prefect takes any other callable as "never"."""
    try:
        state.result()
    except Exception as error:  # noqa: BLE001 - the state's own exception, whatever it is
        return is_transient(error)
    return False


def call(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a task as a task run inside a flow run, else as the plain function with the same number of tries."""
    if FlowRunContext.get() is not None:
        return task(*args, **kwargs)
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(task.retries + 1),
        wait=tenacity.wait_exponential_jitter(initial=FIRST_DELAY),
        retry=tenacity.retry_if_exception(is_transient),
        reraise=True,
    )
    return attempts(task.fn, *args, **kwargs)


def run_flow(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow under Prefect where its API answers, else as a plain function."""
    body: Callable[P, R] = flow if api_answers() else flow.fn
    return body(*args, **kwargs)


def api_answers() -> bool:
    """Whether a Prefect API is set and healthy."""
    url = get_current_settings().api.url
    if not url:
        return False
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=PROBE_SECONDS).is_success
    except httpx.HTTPError:
        return False
