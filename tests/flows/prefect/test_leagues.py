"""A hundred leagues, measured on threads and on a Dask cluster of two workers: the same to the last row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from sqlalchemy import Engine, text

from flows.context import Kept, Surroundings, surrounded
from flows.leagues import Part, league_checks, of_parts, task_runner
from flows.settings import Settings, SettingsError, read_settings
from flows.states import Ending, Name

pytestmark = pytest.mark.slow

MANY = 100
RULES = ["match_with_one_team", "match_without_location", "match_without_time", "team_against_itself"]
TODAY = date(2024, 9, 20)
MOVING = {"run", "started", "finished"}


@pytest.fixture
def leagues(database: Engine) -> Engine:
    """Leagues of which each has other faults than its neighbours."""
    with database.begin() as connection:
        for statement in (
            "insert into leagues (league_id, league_name)"
            " select 'L' || n, 'League ' || n from generate_series(1, :n) n",
            "insert into teams (team_name, league_id, series_id, club_id, is_active)"
            " select 'Team ' || k, id, null, null, true from leagues, generate_series(1, 2) k",
            "insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, league_id,"
            " location) select date '2024-09-01' + d, case when d % 3 > 0 then time '18:30' end, 'Team 1',"
            " 'Team ' || 2 - (d + l.id) % 2, h.id, case when (d + l.id) % 5 > 0 then a.id end, l.id,"
            " case when d > l.id % 7 then 'Club' end from leagues l"
            " join teams h on h.league_id = l.id and h.team_name = 'Team 1'"
            " join teams a on a.league_id = l.id and a.team_name = 'Team 2', generate_series(1, 20) d",
        ):
            connection.execute(text(statement), {"n": MANY} if ":n" in statement else {})
    return database


@pytest.fixture
def environment(leagues: Engine, monkeypatch: pytest.MonkeyPatch, prefect_api: str, tmp_path: Any) -> Iterator[None]:
    """What workers of a cluster find in their environment."""
    monkeypatch.setenv("DATABASE_URL", leagues.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RALLY_REPORTS", str(tmp_path / "logs"))
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    with temporary_settings({PREFECT_API_URL: prefect_api, PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield


def measured(runner: str) -> dict[str, dict[str, Any]]:
    settings = read_settings(task_runner=runner)
    with surrounded(Surroundings(settings, kept=Kept())):
        parts: Any = league_checks(names=RULES, today=TODAY, keep=False)
    return {part.league: _still(part.document) for part in parts}


def _still(document: dict[str, Any]) -> dict[str, Any]:
    results = [{name: value for name, value in one.items() if name != "seconds"} for one in document["results"]]
    return {name: value for name, value in document.items() if name not in MOVING} | {"results": results}


@pytest.mark.usefixtures("environment")
def test_dask_finds_what_threads_find() -> None:
    pytest.importorskip("prefect_dask")

    on_threads, on_dask = measured("thread"), measured("dask")

    assert len(on_threads) == MANY
    assert len({str(document["results"]) for document in on_threads.values()}) > 10
    assert on_dask == on_threads


def test_an_engine_that_is_not_installed_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^RALLY_TASK_RUNNER is ray; pip install 'rally-data-health\[ray\]'$"):
        task_runner(Settings(task_runner="ray"))


def test_many_leagues_end_as_the_worst_of_them() -> None:
    parts = [Part(name.value, {}, Ending(name, "x")) for name in (Name.DEGRADED, Name.CRITICAL, Name.HEALTHY)]

    assert of_parts(parts) == Ending(Name.CRITICAL, "3 leagues, the worst is Critical: x")
    assert of_parts([]) == Ending(Name.UNMEASURED, "there is no league")
