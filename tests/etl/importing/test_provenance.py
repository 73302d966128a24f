"""Rows that no feed has brought are people's own: never changed, taken for another, withdrawn or pruned."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, text

from etl.importing.declared import Limits
from etl.tables import schedule
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11", "Glenbrook - 11")
LENIENT = Limits(rejects=1, unlinked=1, shrunk=1)
PRACTICE = ("Birchwood Practice - Chicago 11", "")


def two_teams(engine: Engine, folder: Path) -> None:
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams)


def by_hand(engine: Engine, home: str, away: str, day: date = date(2024, 9, 24), **values: Any) -> None:
    row = {"match_date": day, "match_time": time(18, 30), "home_team": home, "away_team": away, "league_id": 1}
    with engine.begin() as connection:
        connection.execute(insert(schedule).values({**row, "location": "Birchwood", "home_team_id": 1} | values))


def imported(engine: Engine, folder: Path, *rows: dict[str, Any], **options: Any) -> tuple[int, int, int, int]:
    counts = publish_one(engine, write(folder, "schedules", rows), limits=LENIENT, force=True, **options).counts
    return counts.inserted, counts.updated, counts.unchanged, counts.withdrawn


def test_a_captains_practice_stays_beside_a_new_match_of_his_team(league: Engine, tmp_path: Path) -> None:
    """It was turned into the match: same day, same home team."""
    imported(league, tmp_path, fixture(*TEAMS[1:], "09/20/2024"), fixture(*TEAMS[1:], "09/30/2024"))
    by_hand(league, *PRACTICE)
    rows = [fixture(*TEAMS[1:], "09/20/2024"), fixture(*TEAMS[:2]), fixture(*TEAMS[1:], "09/30/2024")]

    assert imported(league, tmp_path, *rows, prune=True) == (1, 0, 2, 0)
    assert PRACTICE in rows_of(league, schedule, "home_team", "away_team")


def test_a_row_that_a_feed_has_matched_is_the_feeds_from_then_on(league: Engine, tmp_path: Path) -> None:
    by_hand(league, *TEAMS[:2], away_team_id=3)
    span = [fixture(*TEAMS[1:], "09/20/2024"), fixture(*TEAMS[1:], "09/30/2024")]

    assert imported(league, tmp_path, *span)[3] == 0
    assert imported(league, tmp_path, *span, fixture(*TEAMS[:2])) == (0, 0, 3, 0)
    assert imported(league, tmp_path, *span, prune=True)[3] == 1


def test_a_row_is_matched_without_the_spaces_around_its_names(league: Engine, tmp_path: Path) -> None:
    by_hand(league, "- 11 SW", TEAMS[1], home_team_id=None, away_team_id=3)

    assert imported(league, tmp_path, fixture(" - 11 SW", TEAMS[1])) == (0, 1, 0, 0)
    assert rows_of(league, schedule, "home_team") == [(" - 11 SW",)]


def test_the_same_feed_once_more_rewrites_no_link(database: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Tennaqua - 11")])
    publish_one(database, path)
    publish_one(database, write(tmp_path, "schedules", [fixture("Birchwood - 11", "Tennaqua - 11")]))
    versions = text("select name, xmin::text from quality.links order by 1")
    with database.begin() as connection:
        before = connection.execute(versions).all()

    publish_one(database, tmp_path / "APTA_CHICAGO" / "schedules.json", force=True)

    with database.begin() as connection:
        assert connection.execute(versions).all() == before != []


def test_new_rows_that_do_not_stand_side_by_side_are_claimed_each(league: Engine, tmp_path: Path) -> None:
    """Another writer has taken the ids between them."""
    with league.begin() as connection:
        connection.execute(text("alter sequence schedule_id_seq increment by 3"))

    imported(league, tmp_path, *(fixture(*TEAMS[:2], f"09/{day}/2024") for day in (20, 24, 30)))

    ids = [number for (number,) in rows_of(league, schedule, "id")]
    with league.begin() as connection:
        ranges = connection.execute(text("select ids::text from quality.provenance where \"table\" = 'schedule'"))
        assert ranges.scalar_one() == "{" + ",".join(f"[{number},{number + 1})" for number in ids) + "}"
