"""Publishing standings, and the leagues, clubs, series and teams that they name."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, update

from etl.importing import Counts
from etl.tables import clubs, leagues, series, series_stats, teams
from tests.etl.importing.feeds import publish_one, rows_of, standing, write


def test_standings_bring_league_series_club_and_team(database: Engine, tmp_path: Path) -> None:
    result = publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11")]))

    assert result.counts == Counts(rows=1, records=1, linked=1, inserted=1)
    assert rows_of(database, leagues, "league_id", "league_name") == [("APTA_CHICAGO", "APTA Chicago")]
    assert rows_of(database, series, "name") == [("Chicago 11",)]
    assert rows_of(database, clubs, "name") == [("Birchwood",)]
    assert rows_of(database, teams, "team_name", "club_id", "series_id", "league_id") == [("Birchwood - 11", 1, 1, 1)]
    assert rows_of(database, series_stats, "team", "matches_won", "team_id") == [("Birchwood - 11", 3, 1)]


def test_one_name_in_two_series_is_two_teams(database: Engine, tmp_path: Path) -> None:
    rows = [standing("College Park - East", "Series Open Fri"), standing("College Park - East", "Series Boys")]

    publish_one(database, write(tmp_path, "series_stats", rows, "CITA"))

    assert len(rows_of(database, teams, "id")) == 2


def test_a_team_that_stands_twice_keeps_both_rows(database: Engine, tmp_path: Path) -> None:
    """CITA's standings hold two sessions of one series; publishing by name alone would lose seventeen rows."""
    rows = [standing("Glenbrook", points=9), standing("Glenbrook", points=5)]
    publish_one(database, write(tmp_path, "series_stats", rows))

    again = publish_one(database, write(tmp_path, "series_stats", rows), force=True)

    assert again.counts == Counts(rows=2, records=2, linked=2, unchanged=2)
    assert [int(points) for (points,) in rows_of(database, series_stats, "points")] == [9, 5]


def test_new_figures_change_the_row(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11")]))

    again = publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11", points=33)]))

    assert (again.counts.inserted, again.counts.updated) == (0, 1)


def test_a_team_in_a_new_spelling_stays_one_team(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [standing("Skokie - 20", "Chicago 20")]))

    again = publish_one(database, write(tmp_path, "series_stats", [standing("Skokie 20", "Series 20")]))

    assert (again.counts.inserted, again.counts.updated) == (0, 1)
    assert rows_of(database, teams, "id", "team_name") == [(1, "Skokie 20")]
    assert rows_of(database, series, "name") == [("Chicago 20",)]


def test_a_second_team_of_a_club_is_no_new_spelling_of_the_first(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [standing("Prairie Club I - 11")]))

    publish_one(database, write(tmp_path, "series_stats", [standing("Prairie Club II - 11")]))

    assert [name for (name,) in rows_of(database, teams, "team_name")] == [
        "Prairie Club I - 11",
        "Prairie Club II - 11",
    ]


def test_teams_that_left_the_standings_are_told_and_stay(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")]))

    again = publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11")]))

    assert again.counts.withdrawn == 1
    assert len(rows_of(database, series_stats, "id")) == 2


def test_a_row_of_the_old_loader_without_a_team_is_given_its_team(database: Engine, tmp_path: Path) -> None:
    publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11")]))
    with database.begin() as connection:
        connection.execute(series_stats.update().values(team_id=None))

    again = publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood - 11")]), force=True)

    assert again.counts.inserted == 0
    assert rows_of(database, series_stats, "team_id") == [(1,)]


def test_points_that_a_league_never_tells_stay(database: Engine, tmp_path: Path) -> None:
    """The platform computes CITA's; the feed has 0 in every row."""
    rows = [
        standing("Glenbrook", "Series Open Fri", "CITA", points=0),
        standing("Tam", "Series Open Fri", "CITA", points=0),
    ]
    publish_one(database, write(tmp_path, "series_stats", rows, "CITA"))
    with database.begin() as connection:
        connection.execute(update(series_stats).values(points=77))
    publish_one(database, write(tmp_path, "series_stats", rows, "CITA"), force=True)

    assert rows_of(database, series_stats, "points") == [(77,), (77,)]


def test_a_series_in_another_spelling_is_the_same_row(database: Engine, tmp_path: Path) -> None:
    """CNSWPL's 278 teams stood twice, in "Division 1" and in "Series 1"."""
    publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood 1", "Division 1")]))
    result = publish_one(database, write(tmp_path, "series_stats", [standing("Birchwood 1", "Series 1", points=9)]))

    assert (result.counts.inserted, result.counts.updated) == (0, 1)
    assert rows_of(database, series_stats, "series", "points") == [("Division 1", 9)]
