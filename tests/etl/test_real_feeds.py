"""The real feeds that lie beside the checkout: the fullest season, and the whole history in the order it came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Row, text

from etl.importing import FeedResult, Outcome
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from tests.conftest import copy_of

NAMELESS = {" - 9 SW": 2, " - 3.5 & Under Wed": 1}


@dataclass(frozen=True, slots=True)
class Season:
    """The fullest season in a database of its own, and what its import said."""

    engine: Engine
    feed: Path
    standings: FeedResult
    schedules: FeedResult

    def rows(self, query: str) -> list[Row[Any]]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(query)))


@pytest.fixture(scope="module")
def season(feeds: Path, server: str, template: str) -> Iterator[Season]:
    """Its standings and its schedule, imported once; tests leave them as they are."""
    feed = feeds / "2025-06-30T0809" / "all"
    for engine in copy_of(server, template):
        yield Season(engine, feed, *import_paths(engine, [feed], Options()).feeds)


def test_a_season_is_published_whole_and_linked(season: Season) -> None:
    standings, schedules = season.standings.counts, season.schedules.counts

    assert (standings.inserted, schedules.inserted) == (978, 7343)
    assert (schedules.linked, schedules.unlinked, schedules.rejects) == (14683, 3, 0)
    assert season.rows("select count(*) from series_stats") == [(978,)]
    assert season.rows("select count(*) from schedule") == [(7343,)]


def test_only_names_that_name_no_team_stay_open(season: Season) -> None:
    assert dict(map(tuple, season.rows("select name, sides from quality.links where team_id is null"))) == NAMELESS


def test_every_linked_side_is_a_team_of_the_rows_league(season: Season) -> None:
    strays = """
        select count(*) from schedule s join teams t on t.id in (s.home_team_id, s.away_team_id)
        where t.league_id <> s.league_id
    """
    assert season.rows(strays) == [(0,)]


def test_the_same_season_again_changes_no_row(season: Season, server: str) -> None:
    season.engine.dispose()  # nobody may be connected to what is copied
    for engine in copy_of(server, str(season.engine.url.database)):
        again = import_paths(engine, [season.feed], Options(force=True))

        assert [(feed.counts.inserted, feed.counts.updated) for feed in again.feeds] == [(0, 0), (0, 0)]
        assert import_paths(engine, [season.feed], Options()).outcome is Outcome.UNCHANGED


@pytest.fixture(scope="module")
def history(feeds: Path, server: str, template: str) -> Iterator[Engine]:
    """Every moment of the scrape history, imported in the order of time, one command per moment."""
    for engine in copy_of(server, template):
        for moment in sorted(path for path in feeds.iterdir() if path.is_dir()):
            import_paths(engine, [moment], Options())
        yield engine


@pytest.mark.slow
@pytest.mark.long
class TestHistory:
    """Two months of accidents: nothing stands there twice; test_replay has what becomes of each feed."""

    def test_no_fixture_stands_twice(self, history: Engine) -> None:
        twice = """
            select count(*) from (
              select 1 from schedule where home_team_id is not null and away_team_id is not null
              group by match_date, least(home_team_id, away_team_id), greatest(home_team_id, away_team_id)
              having count(*) > 1) as twice
        """
        with history.begin() as connection:
            assert connection.scalar(text(twice)) == 0

    def test_no_match_stands_twice(self, history: Engine) -> None:
        """In August the feed turned home and away round; every match of June would have stood there a second time."""
        twice = """
            select count(*) from (
              select 1 from match_scores where home_player_1_id is not null and away_player_1_id is not null
              group by match_date, league_id, least(home_team_id, away_team_id), greatest(home_team_id, away_team_id),
                least(home_player_1_id, away_player_1_id), greatest(home_player_1_id, away_player_1_id),
                least(home_player_2_id, away_player_2_id), greatest(home_player_2_id, away_player_2_id), scores
              having count(*) > 1) as twice
        """
        with history.begin() as connection:
            assert connection.scalar(text(twice)) == 0

    def test_sides_stay_open_only_where_the_name_can_mean_several_teams_or_none(self, history: Engine) -> None:
        with history.begin() as connection:
            reasons = connection.scalars(text("select distinct reason from quality.links where team_id is null")).all()

        assert all(reason.startswith(("ambiguous", "names a series, but no team")) for reason in reasons), reasons
