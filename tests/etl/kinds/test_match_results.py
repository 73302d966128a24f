"""Publishing matches: linked by name or by the fixture of their day, one row each whatever the feed does to them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from etl.importing import FeedResult
from etl.importing.declared import Limits
from etl.tables import match_scores, rejects
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write

BIRCHWOOD, TENNAQUA, GLENCOE = "Birchwood - 11", "Tennaqua - 11", "Glencoe - 11"
LINKS = ("home_team_id", "away_team_id")
LENIENT = Limits(rejects=1, unlinked=1, shrunk=1)
LINE_1, LINE_2 = ("a", "b", "c", "d"), ("e", "f", "g", "h")


def match(players: tuple[str | None, ...] = LINE_1, home: str = BIRCHWOOD, away: str = TENNAQUA, **changes: Any) -> Any:
    """A row of match_history.json; the players are home 1, home 2, away 1 and away 2."""
    names = ("Home Player 1", "Home Player 2", "Away Player 1", "Away Player 2")
    people = {f"{name} ID": one for name, one in zip(names, players, strict=True)} | dict.fromkeys(names, "X Y")
    row = {"league_id": "APTA_CHICAGO", "Date": "24-Sep-24", "Home Team": home, "Away Team": away}
    return row | people | {"Scores": "6-3, 6-1", "Winner": "home"} | changes


def three_teams(engine: Engine, folder: Path) -> None:
    """Three teams of series 11; their ids are 1, 2 and 3."""
    publish_one(engine, write(folder, "series_stats", [standing(BIRCHWOOD), standing(GLENCOE), standing(TENNAQUA)]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(three_teams)


def published(engine: Engine, folder: Path, *rows: Any, **options: Any) -> FeedResult:
    return publish_one(engine, write(folder, "match_history", rows), limits=LENIENT, **options)


def test_a_match_is_published_with_teams_and_players(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match())

    assert rows_of(league, match_scores, "match_date", *LINKS, "home_player_1_id", "away_player_2_id", "winner") == [
        (date(2024, 9, 24), 1, 3, "a", "d", "home")
    ]


def test_lines_of_one_meeting_are_rows_of_their_own(league: Engine, tmp_path: Path) -> None:
    assert published(league, tmp_path, match(LINE_1), match(LINE_2)).counts.inserted == 2


def test_a_line_said_twice_is_one(league: Engine, tmp_path: Path) -> None:
    result = published(league, tmp_path, match(), match())

    assert (result.counts.inserted, result.counts.duplicates) == (1, 1)


def test_lines_without_players_and_with_one_score_are_not_taken_for_one(league: Engine, tmp_path: Path) -> None:
    """CITA names no player by id; two courts can well end 6-0, 6-0."""
    nobody = (None, None, None, None)

    assert published(league, tmp_path, match(nobody), match(nobody)).counts.inserted == 2
    assert published(league, tmp_path, match(nobody), match(nobody), force=True).counts.unchanged == 2


def test_a_corrected_score_changes_its_line(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match(LINE_1), match(LINE_2))

    again = published(league, tmp_path, match(LINE_1, Scores="6-4, 6-1"), match(LINE_2))

    assert (again.counts.inserted, again.counts.updated, again.counts.unchanged) == (0, 1, 1)


def test_a_corrected_player_changes_his_line(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match(LINE_1), match(LINE_2))

    again = published(league, tmp_path, match(("a", "x", "c", "d")), match(LINE_2))

    assert (again.counts.inserted, again.counts.updated, again.counts.withdrawn) == (0, 1, 0)


def test_home_and_away_turned_round_stay_one_match(league: Engine, tmp_path: Path) -> None:
    """In August 2025 the feed turned every match of a league round; each would have stood there twice."""
    published(league, tmp_path, match(LINE_1), match(LINE_2))
    turned = [match((c, d, a, b), TENNAQUA, BIRCHWOOD, Winner="away") for a, b, c, d in (LINE_1, LINE_2)]

    again = published(league, tmp_path, *turned)

    assert (again.counts.inserted, again.counts.updated) == (0, 2)
    assert {tuple(row) for row in rows_of(league, match_scores, *LINKS)} == {(3, 1)}


def test_a_match_moved_to_another_day_stays_one(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match(), match(LINE_2, GLENCOE, Date="01-Dec-24"))

    again = published(league, tmp_path, match(Date="01-Oct-24"), match(LINE_2, GLENCOE, Date="01-Dec-24"))

    # the day it was played on lies before the feed's first day now, so it is no longer the feed's business
    assert again.counts.inserted + again.counts.updated == 1


def test_a_renamed_team_keeps_its_matches(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match())

    again = published(league, tmp_path, match(home="Birchwood 11"))

    assert (again.counts.inserted, again.counts.updated) == (0, 1)


def test_a_name_of_several_teams_is_settled_by_the_fixture_of_the_day(database: Engine, tmp_path: Path) -> None:
    """CITA's matches do not tell their series, and its clubs play in several."""
    clubs = ("North Shore", "South Side")
    rows = [standing(club, series, "CITA") for series in ("Series Open Fri", "Series Boys") for club in clubs]
    publish_one(database, write(tmp_path, "series_stats", rows, "CITA"))
    publish_one(database, write(tmp_path, "schedules", [fixture(*clubs, series="Series Boys", League="CITA")], "CITA"))

    result = publish_one(
        database, write(tmp_path, "match_history", [match(LINE_1, *clubs, league_id="CITA")], "CITA"), limits=LENIENT
    )

    assert (result.counts.linked, result.counts.unlinked) == (2, 0)
    assert len({series for (series,) in rows_of(database, match_scores, "home_team_id")}) == 1


def test_without_a_fixture_the_name_of_several_teams_stays_open(database: Engine, tmp_path: Path) -> None:
    clubs = ("North Shore", "South Side")
    rows = [standing(club, series, "CITA") for series in ("Series Open Fri", "Series Boys") for club in clubs]
    publish_one(database, write(tmp_path, "series_stats", rows, "CITA"))

    result = publish_one(
        database, write(tmp_path, "match_history", [match(LINE_1, *clubs, league_id="CITA")], "CITA"), limits=LENIENT
    )

    assert (result.counts.unlinked, result.counts.newly_unlinked) == (2, 0)
    assert rows_of(database, match_scores, *LINKS) == [(None, None)]


def test_a_match_not_played_has_no_winner(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, match(Scores="September 24, 2024", Winner="unknown"))

    assert rows_of(league, match_scores, "scores", "winner") == [("September 24, 2024", None)]


def test_matches_of_a_league_that_nobody_knew_keep_their_league(database: Engine, tmp_path: Path) -> None:
    """A join on leagues once dropped every row of a league that was not there yet, and called them duplicates."""
    result = published(database, tmp_path, match(), match(LINE_2))

    assert (result.counts.inserted, result.counts.duplicates) == (2, 0)
    assert [league is None for (league,) in rows_of(database, match_scores, "league_id")] == [False, False]


NOBODY = {f"{side} Player {n} ID": "" for side in ("Home", "Away") for n in (1, 2)}


def test_of_a_line_told_twice_the_fuller_row_counts_and_another_score_is_a_reject(
    league: Engine, tmp_path: Path
) -> None:
    result = published(
        league, tmp_path, match(LINE_1, Scores="6-4, 6-1"), match(LINE_1, Scores="", Winner="unknown"),
        match(LINE_1, Scores="1-6, 2-6", Winner="away"),
    )  # fmt: skip

    assert (result.counts.inserted, result.counts.duplicates, result.counts.rejects) == (1, 1, 1)
    assert rows_of(league, match_scores, "scores") == [("1-6, 2-6",)]
    assert rows_of(league, rejects, "index", "reason") == [(0, "row 2 of the feed has this match with '1-6, 2-6'")]


def test_results_without_players_are_told_apart_by_their_line(league: Engine, tmp_path: Path) -> None:
    rows = [match(Line=f"Line {n}", Scores="6-4, 6-1") | NOBODY for n in (1, 2, 2)]

    result = published(league, tmp_path, *rows)

    assert (result.counts.inserted, result.counts.duplicates) == (2, 1)


def test_a_file_with_every_row_twice_adds_nothing(league: Engine, tmp_path: Path) -> None:
    rows = [match(Scores=scores) | NOBODY for scores in ("6-4, 6-1", "6-1, 6-2", "6-1, 6-2")]
    published(league, tmp_path, *rows)

    again = published(league, tmp_path, *rows, *rows)

    assert (again.counts.inserted, again.counts.unchanged, again.counts.duplicates) == (0, 3, 3)
