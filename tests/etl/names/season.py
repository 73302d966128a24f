"""The season of the shared feeds, for tests that read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from etl.feeds import Feed, discover
from etl.kinds.match_results import Match
from etl.kinds.players import Player
from etl.kinds.schedules import SCHEDULES, Fixture
from etl.kinds.standings import SERIES_STATS, Standing
from etl.names import Team
from etl.names.structure import series_key
from etl.reading import extract
from etl.records import Record, Reject
from etl.records.validate import validate
from tests.conftest import FEEDS

needs_feeds = pytest.mark.skipif(not FEEDS.exists(), reason="the shared feeds are not beside this checkout")


class Side(NamedTuple):
    """One name in a feed that should be linked."""

    league: str | None
    series: str | None
    name: str


def records(feed: Feed) -> Iterator[Record]:
    """The sound rows of a feed."""
    outcomes = validate(feed.kind.schema, extract(feed.path), feed.league)
    return (outcome for outcome in outcomes if not isinstance(outcome, Reject))


def feeds(path: Path) -> tuple[Feed, ...]:
    """The shared feeds below a folder, in publishing order."""
    return discover([FEEDS / path])[0]


def teams(standings: Iterator[Record]) -> list[Team]:
    """A team for each league, series and name, numbered in order."""
    keys: dict[tuple[str, str, str], Team] = {}
    for row in standings:
        assert isinstance(row, Standing)
        keys.setdefault(
            (row.league, series_key(row.series), row.team), Team(len(keys) + 1, row.league, row.series, row.team)
        )
    return list(keys.values())


def sides(rows: Iterator[Record]) -> Iterator[Side]:
    """The names in fixtures, matches and players' rows."""
    for row in rows:
        if isinstance(row, Player) and row.team:
            yield Side(row.league, row.series, row.team)
        if isinstance(row, Fixture | Match):
            yield from (Side(row.league, row.series, name) for name in (row.home_team, row.away_team) if name)


def season() -> tuple[list[Team], list[Side]]:
    """Teams and schedule sides of the fullest season."""
    found = {feed.kind: feed for feed in feeds(Path("2025-06-30T0809/all"))}
    return teams(records(found[SERIES_STATS])), list(sides(records(found[SCHEDULES])))
