"""One body, with or without Prefect.

Where a Prefect API is set and answers, the body runs inside a flow run. Without one it runs plainly, with the same
retries: Prefect is not even imported, and no server is started. An API that goes away on the way costs some seconds
and a remark; the work, its result and its exit code stay what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from flows.api import api_url, silence
from flows.context import Surroundings, without_prefect

R = TypeVar("R")


def run(around: Surroundings, plain: Callable[[Surroundings], R], flow: str, **parameters: Any) -> R:
    """Run `flow` ("module:name") with its parameters under Prefect where that answers, else `plain`."""
    url = api_url(around.settings)
    if url is None:
        return plain(around)
    away = silence(url)
    if away:
        return plain(without_prefect(around, away))
    from flows.staging import under_prefect  # noqa: PLC0415 - Prefect takes two seconds to import

    module, name = flow.split(":")
    return under_prefect(getattr(import_module(module), name), plain, around, parameters)
