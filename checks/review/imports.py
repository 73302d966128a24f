"""How the imports of each feed went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from checks.review.kpis import STILL_RUNNING, SUCCESSFUL
from checks.review.values import Feed, Period

REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReview:
    """One feed over a period. `reasons` are why it was not published, the most frequent first."""

    kind: str
    league: str
    imports: int
    published: int
    unchanged: int
    blocked: int
    failed: int
    rows: int
    rejects: int
    unlinked: int
    changed: int
    seconds: float | None
    slowest: float | None
    last: datetime | None
    reasons: tuple[str, ...]


def import_review(feeds: Iterable[Feed], period: Period) -> tuple[FeedReview, ...]:
    """Every feed that was imported in a period, those with trouble first."""
    groups: dict[tuple[str, str], list[Feed]] = {}
    for feed in feeds:
        if period.covers(feed.began):
            groups.setdefault((feed.kind, feed.league), []).append(feed)
    found = [_reviewed(kind, league, own) for (kind, league), own in groups.items()]
    return tuple(sorted(found, key=lambda one: (-(one.blocked + one.failed), one.kind, one.league)))


def _reviewed(kind: str, league: str, feeds: Sequence[Feed]) -> FeedReview:
    outcomes = Counter(feed.outcome for feed in feeds)
    ended = [feed for feed in feeds if feed.outcome in SUCCESSFUL]
    taken = [feed.seconds for feed in feeds if feed.outcome == "published" and feed.seconds is not None]
    reasons = Counter(
        reason for feed in feeds if feed.outcome not in SUCCESSFUL | {STILL_RUNNING} for reason in feed.reasons
    )
    return FeedReview(
        kind=kind, league=league, imports=len(feeds), published=outcomes["published"],
        unchanged=outcomes["unchanged"], blocked=outcomes["blocked"], failed=outcomes["failed"],
        rows=ended[-1].rows if ended else 0, rejects=sum(feed.rejects for feed in ended),
        unlinked=ended[-1].unlinked if ended else 0, changed=sum(feed.changed for feed in ended),
        seconds=median(taken) if taken else None, slowest=max(taken, default=None),
        last=ended[-1].ended if ended else None, reasons=tuple(name for name, _ in reasons.most_common(REASONS)),
    )  # fmt: skip
