"""Importing into the platform's own database: what its constraints allow is written, what people put there stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, text

from etl.importing import FeedResult, Outcome
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from etl.migrate import upgrade
from tests.conftest import FEEDS
from tests.platform.fixtures import AUGUST, DEBIAN, NOVEMBER, OTHER_PAIRS

SEASON = (
    FEEDS / "2025-06-30T0809" / "all" / "series_stats.json",
    FEEDS / "2025-06-21T1154" / "all" / "players.json",
    FEEDS / "2025-06-30T0809" / "all" / "schedules.json",
    FEEDS / "2025-07-25T2353" / "all" / "match_history.json",
)
"""The files that the platform's own loader has read."""
SEASON_IN = [AUGUST, *(pytest.param(other, marks=pytest.mark.long) for other in (DEBIAN, *OTHER_PAIRS))]
"""On PostgreSQL 15 a season goes through the gate in tests/flows/cli/test_adopt.py."""
PRACTICES = "select count(*), md5(string_agg(s::text, '|' order by id)) from schedule s where away_team = ''"
POINTS = """
select sum(points), md5(string_agg(s.id || ':' || points, '|' order by s.id)) from series_stats s
join leagues l on l.id = s.league_id where l.league_id = 'CITA'
"""
TWICE = "select count(*) - count(distinct (league_id, series, team)) from series_stats"
"""CITA keeps two sessions of 17 teams."""
OPEN = """
select count(*) from links k join import_feeds f on f.id = k.feed_id where k.team_id is null and f.kind = 'schedules'
"""


def ask(engine: Engine, statement: str) -> tuple[Any, ...]:
    with engine.begin() as connection:
        connection.execute(text("set local search_path = public, quality"))
        return tuple(connection.execute(text(statement)).one())


def imported(engine: Engine, *, kinds: str = "", **options: Any) -> Mapping[str, FeedResult]:
    """Each feed of the season by its kind, imported in order; some `kinds` of them alone."""
    paths = [path for path in SEASON if not kinds or path.stem in kinds.split()]
    feeds = [feed for path in paths for feed in import_paths(engine, [path], Options(**options), wait=10).feeds]
    return {feed.kind: feed for feed in feeds}


@pytest.mark.slow
@pytest.mark.parametrize("platform", SEASON_IN, indirect=True, ids=str)
def test_the_season_that_is_loaded_is_imported_over_it_without_harm(platform: Engine) -> None:
    upgrade(platform)
    practices, points, twice = (ask(platform, statement) for statement in (PRACTICES, POINTS, TWICE))
    results = imported(platform)

    assert {feed.outcome for feed in results.values()} == {Outcome.PUBLISHED}
    assert practices[0] == 2_099
    assert ask(platform, PRACTICES) == practices
    assert ask(platform, POINTS) == points
    assert ask(platform, "select count(*) from series_stats") == (978,)
    assert ask(platform, TWICE) == twice == (17,)
    # the one whose row the platform has lost; see `nndz-ORPHAN` there
    assert results["players"].counts.inserted == 1
    assert [feed.counts.withdrawn for feed in results.values()] == [0, 0, 0, 0]

    # fixtures and players name teams that standings alone could not: those are linked now, and then nothing is left
    links = "select count(team_id), count(*) from series_stats"
    linked, rows = ask(platform, links)
    again = imported(platform, force=True)
    assert ask(platform, links) == (linked + again["series_stats"].counts.updated, rows)
    assert [(feed.counts.inserted, feed.counts.updated) for feed in list(again.values())[1:]] == [(0, 0)] * 3
    again = imported(platform, force=True)
    assert [(feed.counts.inserted, feed.counts.updated) for feed in again.values()] == [(0, 0)] * 4


@pytest.mark.slow
@pytest.mark.parametrize("platform", [NOVEMBER], indirect=True)
def test_three_sides_of_the_season_name_no_team(platform: Engine) -> None:
    upgrade(platform)

    assert imported(platform, kinds="series_stats schedules")["schedules"].counts.unlinked == 3


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_a_team_that_the_platform_cannot_store_is_open_and_says_why(platform: Engine) -> None:
    """Two teams of a club in one series, or one name in several: its unique keys of August forbid them."""
    upgrade(platform)
    results = imported(platform, kinds="series_stats")

    assert results["series_stats"].counts.unlinked == 155
    assert ask(platform, "select reason from links where series = 'Series 1' and name = 'Hinsdale PC 1b'") == (
        "the team cannot be stored: teams: unique_team_club_series_league (club_id, series_id, league_id) is taken by "
        "team 227",
    )


@pytest.mark.slow
@pytest.mark.parametrize("platform", [AUGUST, pytest.param(NOVEMBER, marks=pytest.mark.long)], indirect=True)
def test_what_came_afterwards_prunes_nothing_of_peoples_own(platform: Engine) -> None:
    """Every moment of the feeds from 18 July 2025 on, with --prune: 24 practices were deleted once."""
    upgrade(platform)
    imported(platform)
    practices, points = ask(platform, PRACTICES), ask(platform, POINTS)
    moments = [path for path in sorted(FEEDS.iterdir()) if path.is_dir() and path.name >= "2025-07-18"]
    reports = [import_paths(platform, [moment], Options(prune=True), wait=10) for moment in moments]

    assert not [feed for report in reports for feed in report.feeds if feed.outcome is Outcome.FAILED]
    assert sum(feed.counts.withdrawn for report in reports for feed in report.feeds) > 0
    assert (ask(platform, PRACTICES), ask(platform, POINTS)) == (practices, points)
