"""Ratings of players: each person's stay his own, whichever membership they stand with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from etl.importing import Outcome
from etl.importing.import_run import replay
from etl.importing.options import Options
from etl.kinds.player_history import PLAYER_HISTORY, PersonHistory
from etl.tables import player_history, players, rejects
from tests.conftest import FEEDS
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import publish_one, rows_of, standing, write
from tests.etl.kinds.rows import HISTORY, PLAYER, check, reason

TUESDAY, LATER = "01/14/2025", "01/21/2025"
PEOPLE = FEEDS.parent / "people"


def person(player: str = "nndz-1", *readings: tuple[str, float], league: str = "CNSWPL") -> dict[str, Any]:
    matches = [{"date": day, "end_pti": pti, "series": "Division 1"} for day, pti in readings]
    return {"league_id": league, "player_id": player, "series": "Division 1", "matches": matches}


def a_team_of_two(engine: Engine, folder: Path) -> None:
    rows = [{**PLAYER, "Player ID": player} for player in ("nndz-1", "nndz-2")]
    publish_one(engine, write(folder, "series_stats", [standing("Birchwood 1", "Division 1", "CNSWPL")], "CNSWPL"))
    assert publish_one(engine, write(folder, "players", rows, "CNSWPL")).outcome is Outcome.PUBLISHED


@pytest.fixture
def roster(filled: Filled) -> Engine:
    return filled(a_team_of_two)


def imported(engine: Engine, folder: Path, *people: dict[str, Any], **options: Any) -> tuple[int, int, int, int, int]:
    counts = publish_one(engine, write(folder, "player_history", people, "CNSWPL"), **options).counts
    return counts.inserted, counts.updated, counts.unchanged, counts.withdrawn, counts.rejects


def ratings(engine: Engine) -> list[tuple[Any, ...]]:
    return rows_of(engine, player_history, "player_id", "date", "end_pti")


def test_readings_become_rows_of_the_player(roster: Engine, tmp_path: Path) -> None:
    assert imported(roster, tmp_path, person("nndz-1", (LATER, 45.1), (TUESDAY, 45.3)), person("nndz-2")) == (
        1, 0, 1, 0, 0,
    )  # fmt: skip
    assert ratings(roster) == [(1, date(2025, 1, 21), Decimal("45.10")), (1, date(2025, 1, 14), Decimal("45.30"))]


def test_the_same_feed_again_changes_nothing(roster: Engine, tmp_path: Path) -> None:
    people = (person("nndz-1", (TUESDAY, 45.3), (TUESDAY, 45.2)), person("nndz-2", (TUESDAY, 12)))
    imported(roster, tmp_path, *people)
    before = ratings(roster)

    assert imported(roster, tmp_path, *people, force=True) == (0, 0, 2, 0, 0)
    assert ratings(roster) == before


def test_a_corrected_reading_keeps_its_row_and_a_new_one_is_added(roster: Engine, tmp_path: Path) -> None:
    imported(roster, tmp_path, person("nndz-1", (TUESDAY, 45.3)), person("nndz-2", (TUESDAY, 12)))

    after = (person("nndz-1", (TUESDAY, 44)), person("nndz-2", (LATER, 11), (TUESDAY, 12)))
    assert imported(roster, tmp_path, *after) == (1, 1, 0, 0, 0)
    assert [row[2] for row in ratings(roster)] == [44, 12, 11]


def test_a_reading_that_is_gone_goes_only_with_prune(roster: Engine, tmp_path: Path) -> None:
    imported(roster, tmp_path, person("nndz-1", (LATER, 45.1), (TUESDAY, 45.3)), person("nndz-2", (TUESDAY, 12)))
    less = (person("nndz-1", (TUESDAY, 45.3)), person("nndz-2"))

    assert imported(roster, tmp_path, *less)[3] == 1
    assert len(ratings(roster)) == 3
    assert imported(roster, tmp_path, *less, prune=True, force=True)[3] == 1
    assert [row[2] for row in ratings(roster)] == [Decimal("45.30"), 12]


def test_readings_stay_with_the_membership_that_they_stand_with(roster: Engine, tmp_path: Path) -> None:
    with roster.begin() as connection:
        league = connection.scalars(select(players.c.league_id)).first()
        second = {"id": 70, "tenniscores_player_id": "nndz-1", "first_name": "F", "last_name": "T", "league_id": league}
        connection.execute(insert(players).values(second))
        stored = {"player_id": 70, "league_id": league, "date": date(2025, 1, 14), "end_pti": 45.3}
        connection.execute(insert(player_history).values(**stored, series="Division 1"))

    assert imported(roster, tmp_path, person("nndz-1", (TUESDAY, 45.3))) == (0, 0, 1, 0, 0)
    assert imported(roster, tmp_path, person("nndz-1", (TUESDAY, 45))) == (0, 1, 0, 0, 0)
    assert ratings(roster) == [(70, date(2025, 1, 14), 45)]


def test_ratings_of_a_stranger_wait_for_the_player(roster: Engine, tmp_path: Path) -> None:
    people = [person(f"nndz-{place}") for place in range(30)]
    assert imported(roster, tmp_path, *people, person("nndz-99", (TUESDAY, 30)))[4] == 1
    (why,) = rows_of(roster, rejects, "reason", "field", "index")
    assert why == ("no player of the league has this player_id: import its players first, then replay", "player_id", 30)

    rows = [{**PLAYER, "Player ID": player} for player in ("nndz-1", "nndz-2", "nndz-99")]
    publish_one(roster, write(tmp_path, "players", rows, "CNSWPL"))
    assert [feed.outcome for feed in replay(roster, Options(), wait=10).feeds] == [Outcome.PUBLISHED]
    assert [row[2] for row in ratings(roster)] == [30]


def test_the_last_row_of_a_person_counts(roster: Engine, tmp_path: Path) -> None:
    people = (person("nndz-1", (TUESDAY, 45.3)), person("nndz-1", (TUESDAY, 44)))

    assert publish_one(roster, write(tmp_path, "player_history", people, "CNSWPL")).counts.duplicates == 1
    assert [row[2] for row in ratings(roster)] == [44]


def test_a_person_who_never_played_has_no_readings() -> None:
    assert check(PLAYER_HISTORY, {**HISTORY, "matches": []}) == PersonHistory(0, "CNSWPL", "nndz-1", "Division 1", "[]")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"player_id": "FALLBACK_689E5C3B"}, "player_id was made up by the scraper: no person stands behind the row"),
        ({"matches": [{"date": "01/15/2025", "end_pti": "x", "series": ""}]},
         "matches is text of 1 characters, expected a number"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_with_its_reason(change: dict[str, object], expected: str) -> None:
    assert reason(PLAYER_HISTORY, {**HISTORY, **change}) == expected


@pytest.mark.skipif(not PEOPLE.exists(), reason="the shared people are not beside this checkout")
def test_standings_that_were_taken_for_people_are_blocked_with_a_reason(database: Engine) -> None:
    result = publish_one(database, PEOPLE / "2025-06-20T1450" / "CNSWPL" / "player_history.json")

    assert result.outcome is Outcome.BLOCKED
    assert result.reasons[0].startswith("empty_feed: the feed has 10 rows, all of them refused")
    assert {row[0] for row in rows_of(database, rejects, "reason")} == {
        "player_id was made up by the scraper: no person stands behind the row"
    }


def test_ratings_that_have_lost_half_of_the_readings_are_held(roster: Engine, tmp_path: Path) -> None:
    days = [(f"01/{day:02}/2025", 40.0 + day) for day in range(1, 13)]
    imported(roster, tmp_path, person("nndz-1", *days), person("nndz-2", *days))

    result = publish_one(roster, write(tmp_path, "player_history", [person("nndz-1", *days)], "CNSWPL"))

    assert result.reasons == (
        "shrunken_feed: CNSWPL has 12 of the 24 rows that the table holds of this season: 50% are missing, at most 20%"
        " may be",
    )
    assert len(ratings(roster)) == 24


def test_what_ratings_would_change_is_told(roster: Engine, tmp_path: Path) -> None:
    imported(roster, tmp_path, person("nndz-1", (TUESDAY, 45.3), (LATER, 44)))

    after = write(tmp_path, "player_history", [person("nndz-1", (TUESDAY, 45.0), (LATER, 44))], "CNSWPL")
    (part,) = publish_one(roster, after, dry_run=True).parts

    assert (part.profile["changed"], part.profile["unchanged"]) == (1, 1)
    assert part.profile["columns"] == {"end_pti": {"changed": 1, "emptied": 0, "filled": 0}}
