"""How to import, as one value that is handed down from the command to the last statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from etl.feeds import Feed
from etl.importing.declared import Correction, Limits, Seasons
from etl.importing.guards import Gate, open_gate
from etl.kinds import KINDS
from etl.kinds.kind import FeedKind


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
    and its size says nothing. Feeds of other `kinds` are passed over. `corrections` are made before anything is
    planned; `today` is their day for kinds without a day of play. `progress` gets each feed and its bytes as they
    are read.
    """

    force: bool = False
    dry_run: bool = False
    prune: bool = False
    partial: bool = False
    kinds: frozenset[FeedKind] = frozenset(KINDS)
    allow: Allowance = field(default_factory=Allowance)
    limits: Limits = field(default_factory=Limits)
    seasons: Seasons = field(default_factory=Seasons)
    corrections: tuple[Correction, ...] = ()
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    gate: Gate = open_gate
    progress: Callable[[Feed, int], None] = lambda feed, count: None
