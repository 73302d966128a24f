"""How to import, as one value that is handed down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from etl.feeds import Feed, Kind
from etl.importing.guards import Gate, Limits, open_gate


@dataclass(frozen=True, slots=True)
class Allowance:
    """Guards and rules that may be failed this once, with who lets them and why."""

    rules: frozenset[str] = frozenset()
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to import.

    `force` imports what was published before, `dry_run` does everything but the commit, `prune` deletes the rows that
    a feed has withdrawn. A `partial` feed holds some rows of a whole: nothing is withdrawn because it is not in there,
    and its size says nothing. Feeds of other `kinds` are passed over. `progress` is told of each feed and its bytes as
    they are read.
    """

    force: bool = False
    dry_run: bool = False
    prune: bool = False
    partial: bool = False
    kinds: frozenset[Kind] = frozenset(Kind)
    allow: Allowance = field(default_factory=Allowance)
    limits: Limits = field(default_factory=Limits)
    gate: Gate = open_gate
    progress: Callable[[Feed, int], None] = lambda feed, count: None
