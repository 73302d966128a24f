"""A case: rows that a rule leaves alone, rows that it finds, and how many it finds then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.checks.rules.entries import Entry


@dataclass(frozen=True, slots=True)
class Case:
    """`count` bad rows are found among `good` and `bad`, none among `good` alone; a metric's `value` is read.

    `past` is what earlier runs read, for metrics that are judged on their history.
    """

    rule: Callable[..., Any]
    bad: Sequence[Entry]
    good: Sequence[Entry] = ()
    count: int = 1
    value: float | None = None
    past: Sequence[float] = field(default=())

    def __str__(self) -> str:
        return self.rule.__name__
