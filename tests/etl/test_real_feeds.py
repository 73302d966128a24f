"""The real feeds that lie beside the checkout: the fullest season, and the whole history in the order it came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from etl.importing import FeedResult, Outcome
from etl.importing.import_run import import_paths
from etl.importing.options import Options

NAMELESS = {" - 9 SW": 2, " - 3.5 & Under Wed": 1}


@pytest.fixture
def season(feeds: Path, database: Engine) -> tuple[FeedResult, FeedResult]:
    """Standings and schedule of the fullest season, imported into an empty database."""
    standings, schedules = import_paths(database, [feeds / "2025-06-30T0809" / "all"], Options()).feeds
    return standings, schedules


def test_a_season_is_published_whole_and_linked(season: tuple[FeedResult, FeedResult], database: Engine) -> None:
    standings, schedules = season

    assert (standings.counts.inserted, schedules.counts.inserted) == (978, 7343)
    assert (schedules.counts.linked, schedules.counts.unlinked, schedules.counts.rejects) == (14683, 3, 0)
    with database.begin() as connection:
        assert connection.scalar(text("select count(*) from series_stats")) == 978
        assert connection.scalar(text("select count(*) from schedule")) == 7343


def test_only_names_that_name_no_team_stay_open(season: tuple[FeedResult, FeedResult], database: Engine) -> None:
    with database.begin() as connection:
        rows = connection.execute(text("select name, sides from quality.links where team_id is null"))
        assert {row.name: row.sides for row in rows} == NAMELESS


def test_every_linked_side_is_a_team_of_the_rows_league(
    season: tuple[FeedResult, FeedResult], connection_to: Connection
) -> None:
    strays = """
        select count(*) from schedule s join teams t on t.id in (s.home_team_id, s.away_team_id)
        where t.league_id <> s.league_id
    """
    assert connection_to.scalar(text(strays)) == 0


def test_the_same_season_again_changes_no_row(
    season: tuple[FeedResult, FeedResult], feeds: Path, database: Engine
) -> None:
    again = import_paths(database, [feeds / "2025-06-30T0809" / "all"], Options(force=True))

    assert [(feed.counts.inserted, feed.counts.updated) for feed in again.feeds] == [(0, 0), (0, 0)]
    assert import_paths(database, [feeds / "2025-06-30T0809" / "all"], Options()).outcome is Outcome.UNCHANGED


@pytest.fixture
def connection_to(database: Engine) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


@pytest.fixture(scope="module")
def history(feeds: Path, server: str, template: str) -> Iterator[Engine]:
    """Every moment of the scrape history, imported in the order of time, one command per moment."""
    from tests.conftest import copy_of  # noqa: PLC0415

    for engine in copy_of(server, template):
        for moment in sorted(path for path in feeds.iterdir() if path.is_dir()):
            import_paths(engine, [moment], Options())
        yield engine


@pytest.mark.slow
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
