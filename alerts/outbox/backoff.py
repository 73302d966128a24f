"""When a failed attempt is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

FIRST = 30.0
LONGEST = 1800.0
TRIES = 8
GIVES_UP = timedelta(hours=24)
LOOKS_AGAIN = timedelta(seconds=30)
"""How long to wait before asking the provider once more for a message of unknown outcome."""
SETTLES = timedelta(minutes=2)
"""A message that the provider does not know so long after its handing over was never accepted."""


def delay(attempts: int, jitter: Random, retry_after: float | None = None) -> timedelta:
    """The pause after a number of attempts: doubled each time, half of it by chance, never less than asked for."""
    whole = min(LONGEST, FIRST * 2 ** max(0, attempts - 1))
    return timedelta(seconds=max(whole * (0.5 + jitter.random() / 2), retry_after or 0.0))


def worn_out(attempts: int, created: datetime | None, now: datetime) -> bool:
    """Whether it was tried often or long enough."""
    return attempts >= TRIES or (created is not None and now - created >= GIVES_UP)
