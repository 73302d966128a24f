"""Where a command meets Prefect: is there an API, does it answer, and so does the work run in a flow run or plainly.

That is found out without importing Prefect, which takes two seconds. Where an API is set and answers, the work runs
inside a flow run. Without one it runs plainly, with the same retries, and no server is started. An API that goes away
on the way costs some seconds and a remark; the work, its result and its exit code stay what they were.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from flows.service.context import Invocation, without_prefect
from flows.settings import Settings

if TYPE_CHECKING:
    from checks.review.values import Period, SystemFact

if TYPE_CHECKING:
    from prefect import Flow

P = ParamSpec("P")
R = TypeVar("R")
PROBE_SECONDS = 3


def run(
    invocation: Invocation,
    work: Callable[Concatenate[Invocation, P], R],
    flow: Callable[[], Flow[..., Any]],
    *request: P.args,
    **more: P.kwargs,
) -> R:
    """Run the flow that `flow` imports where Prefect answers, else its `work` plainly; both take the same request."""
    url = api_url(invocation.settings)
    if url is None:
        return work(invocation, *request, **more)
    away = silence(url)
    if away:
        return work(without_prefect(invocation, away), *request, **more)
    from flows.bridge.flow_run import under_prefect  # noqa: PLC0415 - Prefect takes two seconds to import

    return under_prefect(flow(), work, invocation, *request, **more)


def prefect_facts(settings: Settings, period: Period) -> Sequence[SystemFact]:
    """What Prefect knows of the runs of a period, for a report; a line that says so where it knows nothing."""
    from checks.review.values import SystemFact  # noqa: PLC0415 - only a report asks

    url = api_url(settings)
    if url is None:
        return (SystemFact("Prefect", "no API is set", "nothing is deployed, or this is not the worker's environment"),)
    if away := silence(url):
        return (SystemFact("Prefect", f"does not answer ({away})", fine=False),)
    from flows.bridge.doctor import run_facts  # noqa: PLC0415 - Prefect takes two seconds to import

    return tuple(run_facts(period))


def api_url(settings: Settings) -> str | None:
    """The API that the environment or the active Prefect profile names; None where neither does."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url or None
    home = settings.prefect_home.expanduser()
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # no profile, or one that Prefect will complain about itself
        return None
    profile = profiles.get("profiles", {}).get(settings.prefect_profile or profiles.get("active"), {})
    return str(profile.get("PREFECT_API_URL") or "") or None


def silence(url: str) -> str:
    """Why an API does not answer; empty when it does. What it answers to a caller without a key is an answer, too."""
    import httpx  # noqa: PLC0415 - not needed where no API is set

    try:
        status = httpx.get(f"{url.rstrip('/')}/health", timeout=PROBE_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return f"HTTP {status}" if status >= httpx.codes.INTERNAL_SERVER_ERROR else ""
