"""Publishing players: linked to team, club and series; one row each, also after a move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from etl.importing import FeedResult, Outcome
from etl.importing.declared import Limits
from etl.tables import players, rejects, series, teams
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import publish_one, rows_of, standing, write

BIRCHWOOD, TENNAQUA = "Birchwood - 11", "Tennaqua - 11"
LENIENT = Limits(rejects=1, unlinked=1, shrunk=1)


def player(person: str, team: str = BIRCHWOOD, series: str = "Chicago 11", **changes: Any) -> dict[str, Any]:
    """A row of players.json."""
    return {
        "League": "APTA_CHICAGO", "Series": series, "Series Mapping ID": team, "Club": team.split(" - ", maxsplit=1)[0],
        "Location ID": "X", "Player ID": person, "First Name": "A", "Last Name": "B", "PTI": "21.5", "Wins": "14",
        "Losses": "3", "Win %": "82.4%", "Captain": "C",
    } | changes  # fmt: skip


def three_teams(engine: Engine, folder: Path) -> None:
    """Two teams of series 11 and one of series 12; their ids are 1, 2 and 3."""
    rows = [standing(BIRCHWOOD), standing(TENNAQUA), standing("Birchwood - 12", "Chicago 12")]
    publish_one(engine, write(folder, "series_stats", rows))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(three_teams)


def published(engine: Engine, folder: Path, *rows: dict[str, Any], **options: Any) -> FeedResult:
    return publish_one(engine, write(folder, "players", rows), limits=LENIENT, **options)


def test_a_player_has_the_team_club_and_series_of_the_feed(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"))

    assert rows_of(league, players, "tenniscores_player_id", "team_id", "club_id", "series_id", "wins") == [
        ("p1", 1, 1, 1, 14)
    ]


def test_a_player_of_two_teams_has_two_rows(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"), player("p1", "Birchwood - 12", "Chicago 12"))

    assert sorted(rows_of(league, players, "tenniscores_player_id", "team_id")) == [("p1", 1), ("p1", 3)]


def test_a_row_said_twice_is_one(league: Engine, tmp_path: Path) -> None:
    result = published(league, tmp_path, player("p1", Wins="1"), player("p1", Wins="2"))

    assert (result.counts.inserted, result.counts.duplicates) == (1, 1)
    assert rows_of(league, players, "wins") == [(2,)]


def test_the_same_players_again_change_nothing(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"), player("p2", TENNAQUA))

    again = published(league, tmp_path, player("p1"), player("p2", TENNAQUA), force=True)

    assert (again.counts.inserted, again.counts.updated, again.counts.unchanged) == (0, 0, 2)


def test_a_player_who_changed_his_team_keeps_his_row(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"), player("p2"))

    again = published(league, tmp_path, player("p1", "Birchwood - 12", "Chicago 12"), player("p2"))

    assert (again.counts.inserted, again.counts.updated, again.counts.withdrawn) == (0, 1, 0)
    assert rows_of(league, players, "id", "team_id")[0] == (1, 3)


def test_a_player_who_left_is_told_and_stays(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"), player("p2"))

    again = published(league, tmp_path, player("p1"))

    assert (again.counts.withdrawn, len(rows_of(league, players, "id"))) == (1, 2)


def test_a_player_of_an_unknown_team_is_a_reject_and_the_others_are_published(league: Engine, tmp_path: Path) -> None:
    """79 impossible rows of 6,883 held back all players nine times."""
    others = [player(f"p{number}") for number in range(30)]

    result = published(league, tmp_path, *others, player("p99", "Nowhere - 30", "Chicago 30"))

    assert (result.outcome, result.counts.inserted, result.counts.rejects) == (Outcome.PUBLISHED, 30, 1)
    assert rows_of(league, rejects, "index", "field") == [(30, "team")]


def test_a_new_team_of_a_known_club_is_made_where_its_series_is_clear(league: Engine, tmp_path: Path) -> None:
    result = published(league, tmp_path, player("p1", "Birchwood - 30", "Chicago 30"))

    assert result.counts.unlinked == 0
    assert ("Birchwood - 30",) in rows_of(league, teams, "team_name")
    assert ("Chicago 30",) in rows_of(league, series, "name")


def test_a_division_is_the_series_of_that_number(league: Engine, tmp_path: Path) -> None:
    """CNSWPL's players stand in "Division 1", its standings in "Series 1"; a second series would split the league."""
    published(league, tmp_path, player("p1", series="Division 11"))

    assert rows_of(league, series, "name") == [("Chicago 11",), ("Chicago 12",)]
    assert rows_of(league, players, "series_id") == [(1,)]


def test_a_pti_that_is_not_available_is_none(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1", PTI="N/A"))

    assert rows_of(league, players, "pti") == [(None,)]


def test_career_figures_are_written_and_a_season_leaves_them(league: Engine, tmp_path: Path) -> None:
    career = {"Career Wins": "131", "Career Losses": "38", "Career Win %": "77.5%", "PTI": "N/A"}
    publish_one(league, write(tmp_path, "apta_chicago_players_career_stats", [player("p1", **career)]))
    published(league, tmp_path, player("p1", Wins="2"))

    assert rows_of(league, players, "wins", "career_wins", "career_losses", "career_matches") == [(2, 131, 38, 169)]


def test_a_figure_that_the_feed_does_not_tell_stays(league: Engine, tmp_path: Path) -> None:
    published(league, tmp_path, player("p1"))
    untold = {key: value for key, value in player("p1", PTI="N/A").items() if key != "Captain"}
    published(league, tmp_path, untold)

    assert rows_of(league, players, "pti", "captain_status") == [(21.5, "C")]


@pytest.mark.parametrize(("stays", "active"), [(19, 20), (5, 5)], ids=["one of twenty leaves", "most leave"])
def test_a_roster_that_only_grows_is_no_new_seasons_and_retires_nobody(
    stays: int, active: int, league: Engine, tmp_path: Path
) -> None:
    """In June the rest of a league came, in teams that had nobody yet: 31 people who had left were retired by that."""
    there = [player(f"p{number}", **{"Last Name": f"B{number}"}) for number in range(20)]
    published(league, tmp_path, *there)
    more = [player(f"q{number}", TENNAQUA, **{"Last Name": f"C{number}"}) for number in range(30)]

    published(league, tmp_path, *there[:stays], *more)

    still = [
        person for person, is_active in rows_of(league, players, "tenniscores_player_id", "is_active") if is_active
    ]
    assert len([person for person in still if person.startswith("p")]) == active
