"""What an import did, as plain data: one result a feed, one for the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from etl.feeds import Kind


class Outcome(StrEnum):
    """How a feed, or a run of several, ended."""

    RUNNING = "running"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    BLOCKED = "blocked"
    FAILED = "failed"
    TRIED = "tried"
    """A dry run that would have published; only the ledger says so."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures of one feed; `linked` and `unlinked` count sides of rows, all others count rows."""

    rows: int = 0
    records: int = 0
    rejects: int = 0
    linked: int = 0
    unlinked: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class FeedResult:
    """One feed of a run: outcome, figures, why it did not go through, and seconds per step."""

    path: str
    kind: Kind
    league: str
    outcome: Outcome
    counts: Counts = Counts()
    reasons: tuple[str, ...] = ()
    drift: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The feed's entry in the document of `import --json`."""
        figures = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return {
            "path": self.path, "kind": self.kind.value, "league": self.league, "outcome": self.outcome.value, **figures,
            "reasons": list(self.reasons), "drift": {key: dict(counts) for key, counts in self.drift.items()},
            "seconds": {step: round(spent, 3) for step, spent in self.seconds.items()},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportReport:
    """A whole import run."""

    run: int
    feeds: tuple[FeedResult, ...]
    dry_run: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of its feeds; `unchanged` only when every feed was."""
        found = {feed.outcome for feed in self.feeds}
        order = (Outcome.FAILED, Outcome.BLOCKED, Outcome.PUBLISHED)
        return next((outcome for outcome in order if outcome in found), Outcome.UNCHANGED)

    def to_json(self) -> dict[str, Any]:
        """The document of `import --json`."""
        return {"run": self.run, "outcome": self.outcome.value, "dry_run": self.dry_run, "ignored": list(self.ignored),
                "feeds": [feed.to_json() for feed in self.feeds]}  # fmt: skip
