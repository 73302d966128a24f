"""What a caller in this process hands to a flow beside its parameters, which Prefect stores in clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from checks.engine.run import Progress
from etl.feeds import Feed
from flows.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings of a run, and who is told of bytes read and of rules answered."""

    settings: Settings
    progress: Callable[[Feed, int], None] = lambda feed, count: None
    checked: Callable[[Progress], None] | None = None


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
