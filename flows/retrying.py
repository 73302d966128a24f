"""How often a step is tried, with Prefect and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from etl.database import is_transient

R = TypeVar("R")

RETRIES = 3
FIRST_DELAY = 1.0
DELAYS = [FIRST_DELAY * 3**tried for tried in range(RETRIES)]
JITTER = 0.5


def retried(work: Callable[[], R]) -> R:
    """Do the work, and after a transient failure do it again, as often as Prefect would."""
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(RETRIES + 1),
        wait=tenacity.wait_exponential_jitter(initial=FIRST_DELAY),
        retry=tenacity.retry_if_exception(is_transient),
        reraise=True,
    )
    return attempts(work)
