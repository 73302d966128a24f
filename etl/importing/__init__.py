"""From a feed to published rows: stage, link, plan, publish. Here the result of an import: one for each feed, one for
the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a feed, or a run of several, ended."""

    RUNNING = "running"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    BLOCKED = "blocked"
    FAILED = "failed"
    HELD = "held"
    """Of a part: a guard stopped it, and it is kept. Its feed is blocked."""
    TRIED = "tried"
    """A dry run that would have published; only the ledger says so."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures of one feed: `linked`, `unlinked` and `newly_unlinked` count sides of rows, all others count rows.

    `held` records are those of parts that were not published. Newly unlinked sides had a team at the last
    publication, or have a name that was never seen and means no team.
    """

    rows: int = 0
    records: int = 0
    rejects: int = 0
    linked: int = 0
    unlinked: int = 0
    newly_unlinked: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    duplicates: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against publishing a feed: the guard or rule that objects, and why."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PartResult:
    """One league's rows of a feed: published, unchanged or held, with why, what was let pass and what would change.

    `profile` is the change profile as plain values; empty for a part that was never planned. `corrections` are those
    that were made on its rows, with who declared them and why.
    """

    league: str
    outcome: Outcome
    counts: Counts = Counts()
    reasons: tuple[str, ...] = ()
    allowed: tuple[Mapping[str, str], ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    corrections: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The part's entry in the document of `import --json`."""
        figures = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return {"league": self.league, "outcome": self.outcome.value, **figures, "reasons": list(self.reasons),
                "allowed": [dict(one) for one in self.allowed], "profile": dict(self.profile),
                "corrections": [dict(one) for one in self.corrections]}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedResult:
    """One feed of a run: outcome, figures, why it did not go through, what was let pass, and seconds per step.

    `leagues` are its records per league, `drift` its unknown and missing keys with their counts, `parts` its leagues,
    each published or held on its own. `remarks` are worth knowing and hold nothing.
    """

    path: str
    kind: str
    league: str
    outcome: Outcome
    counts: Counts = Counts()
    reasons: tuple[str, ...] = ()
    allowed: tuple[Mapping[str, str], ...] = ()
    leagues: Mapping[str, int] = field(default_factory=dict)
    drift: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[PartResult, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The feed's entry in the document of `import --json`."""
        figures = {name: getattr(self.counts, name) for name in Counts.__slots__}
        return {
            "path": self.path, "kind": self.kind, "league": self.league, "outcome": self.outcome.value, **figures,
            "reasons": list(self.reasons), "allowed": [dict(one) for one in self.allowed],
            "leagues": dict(self.leagues), "drift": {key: dict(counts) for key, counts in self.drift.items()},
            "seconds": {step: round(spent, 3) for step, spent in self.seconds.items()},
            "parts": [part.to_json() for part in self.parts], "remarks": list(self.remarks),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportReport:
    """A whole import run."""

    run: int
    feeds: tuple[FeedResult, ...]
    dry_run: bool = False
    ignored: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why nothing was tried at all: imports are stopped."""

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of its feeds, held parts that were freed later in the run left aside; `unchanged` only when
        every feed was.
        """
        outcomes = {feed.outcome for place, feed in enumerate(self.feeds) if not self._freed(place)}
        outcomes |= {Outcome.BLOCKED} if self.reasons else set()
        order = (Outcome.FAILED, Outcome.BLOCKED, Outcome.PUBLISHED)
        return next((outcome for outcome in order if outcome in outcomes), Outcome.UNCHANGED)

    def _freed(self, place: int) -> bool:
        """Whether a later feed of the run has published all that was held of the one at this place."""
        later = {(feed.kind, part.league) for feed in self.feeds[place + 1 :] for part in feed.parts
                 if part.outcome is not Outcome.HELD}  # fmt: skip
        feed = self.feeds[place]
        held = [(feed.kind, part.league) for part in feed.parts if part.outcome is Outcome.HELD]
        return bool(held) and later.issuperset(held)

    def to_json(self) -> dict[str, Any]:
        """The document of `import --json`."""
        return {"run": self.run, "outcome": self.outcome.value, "dry_run": self.dry_run, "ignored": list(self.ignored),
                "reasons": list(self.reasons), "feeds": [feed.to_json() for feed in self.feeds]}  # fmt: skip
