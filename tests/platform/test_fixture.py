"""The fixture holds what the page beside the data says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from tests.platform import fixtures
from tests.platform.build import Shape
from tests.platform.fixtures import NOVEMBER
from tests.platform.loader import load_schedule, schedule_rows

COUNTS = {"teams": 931, "schedule": 9_445, "players": 10_299, "match_scores": 7_877, "series_stats": 978, "users": 50}


def test_it_holds_the_rows_of_the_platform(platform: Engine) -> None:
    with platform.begin() as connection:
        found = {table: connection.scalar(text(f"select count(*) from {table}")) for table in COUNTS}

    assert found == COUNTS


def test_it_holds_the_incident(platform: Engine) -> None:
    named = "select count(*) from teams t join leagues l on l.id = t.league_id where l.league_id = 'APTA_CHICAGO'"
    lost = f"{named} and not exists (select 1 from schedule s where t.id in (s.home_team_id, s.away_team_id))"
    with platform.begin() as connection:
        assert (connection.scalar(text(named)), connection.scalar(text(lost))) == (727, 205)


def test_its_owner_is_no_superuser(platform: Engine) -> None:
    with platform.begin() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("set session_replication_role = replica"))


def test_its_rows_stay_together_when_series_are_split(platform: Engine) -> None:
    torn = "select count(*) from players p join teams t on t.id = p.team_id where t.series_id <> p.series_id"
    lost = "select count(*) from teams t where not exists (select 1 from series s where s.id = t.series_id)"
    with platform.begin() as connection:
        assert (connection.scalar(text(torn)), connection.scalar(text(lost))) == (0, 0)


@pytest.mark.parametrize("platform", [NOVEMBER], indirect=True)
def test_november_has_the_changes_of_november(platform: Engine) -> None:
    with platform.begin() as connection:
        shared = connection.scalar(text("select count(*) from series where league_id is null"))
        orphans = connection.scalar(
            text("select count(*) from teams t join series s on s.id = t.series_id and s.league_id <> t.league_id")
        )
        gone = connection.scalar(text("select to_regclass('series_leagues')"))

    assert (shared, orphans, gone) == (0, 0, None)


def test_the_platforms_loader_loses_nothing(platform: Engine) -> None:
    rows = schedule_rows()

    assert (len(rows), load_schedule(platform, rows)) == (7_343, 0)


def test_a_build_that_failed_is_no_obstacle_to_the_next(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of the first try stood in the way of all others once."""
    tries = iter([RuntimeError("cut off"), None])

    def build(_url: str, _shape: Shape) -> None:
        if error := next(tries):
            raise error

    monkeypatch.setattr(fixtures, "build", build)
    shape: Any = "trial"
    with pytest.raises(RuntimeError, match="cut off"):
        fixtures.build_template(server, shape)

    assert make_url(fixtures.build_template(server, shape)) == make_url(server).set(database="template_trial")
