"""Whether there is a Prefect API to run under, found out without importing Prefect, which takes two seconds.

One body, with or without Prefect.

Where a Prefect API is set and answers, the body runs inside a flow run. Without one it runs plainly, with the same
retries: Prefect is not even imported, and no server is started. An API that goes away on the way costs some seconds
and a remark; the work, its result and its exit code stay what they were.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from flows.service.context import Surroundings, without_prefect
from flows.settings import Settings

PROBE_SECONDS = 3


def api_url(settings: Settings) -> str | None:
    """The API that the environment or the active Prefect profile names; None where neither does."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url or None
    home = settings.prefect_home.expanduser()
    try:
        known = tomllib.loads((home / "profiles.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no profile, or one that Prefect will complain about itself
        return None
    profile = known.get("profiles", {}).get(settings.prefect_profile or known.get("active"), {})
    return str(profile.get("PREFECT_API_URL") or "") or None


def silence(url: str) -> str:
    """Why an API does not answer; empty when it does. What it answers to a caller without a key is an answer, too."""
    import httpx  # noqa: PLC0415 - not needed where no API is set

    try:
        status = httpx.get(f"{url.rstrip('/')}/health", timeout=PROBE_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return f"HTTP {status}" if status >= httpx.codes.INTERNAL_SERVER_ERROR else ""


R = TypeVar("R")


def run(around: Surroundings, plain: Callable[[Surroundings], R], flow: str, **parameters: Any) -> R:
    """Run `flow` ("module:name") with its parameters under Prefect where that answers, else `plain`."""
    url = api_url(around.settings)
    if url is None:
        return plain(around)
    away = silence(url)
    if away:
        return plain(without_prefect(around, away))
    from flows.bridge.flow_run import under_prefect  # noqa: PLC0415 - Prefect takes two seconds to import

    module, name = flow.split(":")
    return under_prefect(getattr(import_module(module), name), plain, around, parameters)
