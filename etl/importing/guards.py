"""What makes a feed too doubtful to publish, whatever the rules say: it is empty, it shrank, a league is missing, too
many rows were refused, names that were linked are not any more.

Each objection has a name, by which a person can let it pass. A feed is compared with its own last publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from etl.feeds import Feed
from etl.importing import Counts, FeedResult, Objection

Verdict = Callable[[Counts], Sequence[Objection]]
Gate = Callable[[Connection, Feed], Verdict]
"""Looks at the state before a feed is published, and returns what looks at the state after it, in one transaction."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares above which a feed is not published: of rows refused, of rows fewer than last time, of sides that lost
    their team."""

    rejects: float = 0.05
    shrunk: float = 0.40
    unlinked: float = 0.01


def open_gate(connection: Connection, feed: Feed) -> Verdict:
    """The gate that lets everything pass."""
    return lambda counts: ()


def objections(
    counts: Counts, leagues: Mapping[str, int], last: FeedResult | None, limits: Limits
) -> Iterator[Objection]:
    """What speaks against publishing; `leagues` are the feed's records per league, `last` its last publication."""
    if not counts.records:
        found = f"{counts.rows:,} rows, all of them refused" if counts.rows else "no rows"
        yield Objection("empty_feed", f"the feed has {found}; nothing is published over what is there")
        return
    if counts.rejects > limits.rejects * counts.rows:
        share = f"{counts.rejects:,} of {counts.rows:,} rows were refused ({counts.rejects / counts.rows:.0%})"
        yield Objection("too_many_rejects", f"{share}, at most {limits.rejects:.0%} may be")
    sides = counts.linked + counts.unlinked
    if counts.newly_unlinked > limits.unlinked * sides:
        share = f"{counts.newly_unlinked:,} of {sides:,} sides have newly no team ({counts.newly_unlinked / sides:.1%})"
        yield Objection(
            "newly_unlinked", f"{share}, at most {limits.unlinked:.0%} may; see rally-health names unresolved"
        )
    yield from _shrinkage(leagues, last.leagues if last else {}, limits)


def _shrinkage(now: Mapping[str, int], before: Mapping[str, int], limits: Limits) -> Iterator[Objection]:
    for league, rows in sorted(before.items()):
        left = now.get(league, 0)
        if not left:
            yield Objection("vanished_league", f"{league} had {rows:,} rows in the last publication, and has none now")
        elif left < (1 - limits.shrunk) * rows:
            lost = f"{league} has {left:,} rows, {1 - left / rows:.0%} fewer than the {rows:,} of the last publication"
            yield Objection("shrunken_feed", f"{lost}; at most {limits.shrunk:.0%} fewer are published")
