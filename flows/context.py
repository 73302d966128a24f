"""What a caller in this process hands to a flow beside its parameters, which Prefect stores in clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from checks.engine.run import Progress
from etl.feeds import Feed
from flows.settings import Settings, read_settings


@dataclass(slots=True)
class Kept:
    """What a flow's body came to, kept apart from the flow run: it counts also when Prefect is lost on the way."""

    started: bool = False
    done: bool = False
    value: Any = None
    error: Exception | None = None
    lost: str = ""
    """Why nothing more is told to Prefect; empty while it listens."""
    final: tuple[UUID, Any] | None = None
    """The flow run, and the state that it is to end in."""
    undelivered: int = 0
    """Alerts that could not be sent; they wait in the outbox, or are dead letters there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings of a run, who is told of bytes read and of rules answered, and remarks for its report."""

    settings: Settings
    progress: Callable[[Feed, int], None] = lambda feed, count: None
    checked: Callable[[Progress], None] | None = None
    remarks: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)


_surroundings: ContextVar[Surroundings] = ContextVar("surroundings")


@contextmanager
def surrounded(surroundings: Surroundings) -> Iterator[None]:
    """Let flows of the block find these surroundings."""
    token = _surroundings.set(surroundings)
    try:
        yield
    finally:
        _surroundings.reset(token)


def surroundings() -> Surroundings:
    """What the caller set; in a deployment, where nobody calls, the settings of the environment."""
    return _surroundings.get(None) or Surroundings(read_settings())
