"""A case: rows that a rule leaves alone, rows that it finds, and how many it finds then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.checks.rules.entries import Entry


@dataclass(frozen=True, slots=True)
class Case:
    """`count` bad rows are found among `good` and `bad`, none among `good` alone; a metric's `value` is read.

    `total` is how many rows count in the end; None where the rule counts no others. `parameter` is what a rule of
    `each=` is run for. `earlier` is what runs before have read, for metrics that are judged on their history.
    """

    rule: Callable[..., Any]
    bad: Sequence[Entry]
    good: Sequence[Entry] = ()
    count: int = 1
    total: int | None = None
    value: float | None = None
    parameter: str = ""
    earlier: Sequence[float] = ()

    def __str__(self) -> str:
        return self.rule.__name__
