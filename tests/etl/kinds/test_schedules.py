"""Publishing fixtures: linked, one row each, unchanged rows untouched."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from etl.importing import Counts, FeedResult, Outcome
from etl.importing.declared import Limits
from etl.tables import import_feeds, import_runs, rejects, schedule, teams
from tests.checks.engine.conftest import counted
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, practice, publish_one, rows_of, standing, write

BIRCHWOOD, TENNAQUA, GLENCOE = "Birchwood - 11", "Tennaqua - 11", "Glencoe - 11"
ROUND = (
    fixture(BIRCHWOOD, TENNAQUA),
    fixture(TENNAQUA, GLENCOE, "10/01/2024"),
    fixture(GLENCOE, BIRCHWOOD, "10/08/2024"),
)
NAMES = ("match_date", "home_team", "away_team")
LENIENT = Limits(rejects=1, unlinked=1)
LINKS = ("home_team_id", "away_team_id")


def three_teams(engine: Engine, folder: Path) -> None:
    """A league of three teams; their ids are 1, 2 and 3."""
    publish_one(engine, write(folder, "series_stats", [standing(BIRCHWOOD), standing(GLENCOE), standing(TENNAQUA)]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(three_teams)


def schedules(engine: Engine, folder: Path, *rows: dict[str, object], **options: Any) -> FeedResult:
    return publish_one(engine, write(folder, "schedules", rows), **options)


def test_a_fixture_is_published_with_its_teams(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    assert rows_of(league, schedule, *NAMES, "match_time", "location", *LINKS) == [
        (date(2024, 9, 24), BIRCHWOOD, TENNAQUA, time(18, 30), "Birchwood", 1, 3)
    ]


def test_the_name_that_broke_2025_is_linked(league: Engine, tmp_path: Path) -> None:
    """The feed said "Birchwood - 11 (Division 11)" where the database said "Birchwood - 11": 1,405 rows had no team."""
    result = schedules(league, tmp_path, fixture("Birchwood - 11 (Division 11)", TENNAQUA))

    assert (result.counts.linked, result.counts.unlinked) == (2, 0)
    assert rows_of(league, schedule, *LINKS) == [(1, 3)]


def test_practices_scraped_twice_are_one_row_each(league: Engine, tmp_path: Path) -> None:
    """2,058 duplicated practice rows aborted the upserts of 2025."""
    result = schedules(league, tmp_path, *(2 * [practice("12/07/2024")]), *(2 * [practice("12/14/2024")]))

    assert (result.counts.inserted, result.counts.duplicates) == (2, 2)
    assert rows_of(league, schedule, "home_team", "league_id", *LINKS) == 2 * [
        ("Birchwood Practice - Chicago 11", 1, 1, None)
    ]


def test_a_bye_is_no_unlinked_side(league: Engine, tmp_path: Path) -> None:
    result = schedules(league, tmp_path, fixture("BYE - 11", TENNAQUA))

    assert (result.counts.linked, result.counts.unlinked, result.counts.rejects) == (1, 0, 0)
    assert rows_of(league, schedule, *LINKS) == [(None, 3)]


def test_a_match_of_two_unknown_teams_is_kept_as_a_reject(league: Engine, tmp_path: Path) -> None:
    result = schedules(
        league, tmp_path, fixture("Nowhere - 11", "Elsewhere - 11"), fixture(BIRCHWOOD, TENNAQUA), limits=LENIENT
    )

    assert (result.counts.rejects, result.counts.inserted, result.counts.rows) == (1, 1, 2)
    assert rows_of(league, rejects, "index", "field") == [(0, "home_team, away_team")]


def test_the_same_feed_again_is_skipped(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    again = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    assert again.outcome is Outcome.UNCHANGED
    assert again.counts == Counts(rows=1, records=1, linked=2, unchanged=1)


def test_the_same_feed_forced_writes_no_row(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), fixture(TENNAQUA, GLENCOE))
    versions = """
    select array_agg(xmin::text || ctid::text order by id) from schedule
    union all select array_agg(xmin::text || ctid::text order by id) from quality.links
    """
    with league.begin() as connection:
        before = connection.scalars(text(versions)).all()

    again = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), fixture(TENNAQUA, GLENCOE), force=True)

    assert again.counts == Counts(rows=2, records=2, linked=4, unchanged=2)
    with league.begin() as connection:
        assert connection.scalars(text(versions)).all() == before


def test_a_changed_time_changes_the_row(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    again = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA, time="07:00 pm"))

    assert (again.counts.inserted, again.counts.updated) == (0, 1)
    assert rows_of(league, schedule, "id", "match_time") == [(1, time(19))]


def test_a_link_that_the_feed_no_longer_gives_is_kept(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture("Nowhere - 11", TENNAQUA), limits=LENIENT)
    with league.begin() as connection:
        connection.execute(text("update schedule set home_team_id = 2"))

    schedules(league, tmp_path, fixture("Nowhere - 11", TENNAQUA), force=True, limits=LENIENT)

    assert rows_of(league, schedule, *LINKS) == [(2, 3)]


def test_a_renamed_team_keeps_its_fixtures(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    again = schedules(league, tmp_path, fixture("Birchwood 11", TENNAQUA))

    assert (again.counts.inserted, again.counts.updated, again.counts.withdrawn) == (0, 1, 0)
    assert rows_of(league, schedule, "id", "home_team") == [(1, "Birchwood 11")]


def test_two_spellings_of_one_fixture_in_a_feed_are_one_row(league: Engine, tmp_path: Path) -> None:
    result = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), fixture("Birchwood  -  11", TENNAQUA))

    assert (result.counts.inserted, result.counts.duplicates) == (1, 1)


def test_a_second_spelling_beside_a_published_one_is_a_duplicate(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    again = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), fixture("Birchwood  -  11", TENNAQUA))

    assert (again.counts.inserted, again.counts.updated, again.counts.duplicates) == (0, 0, 1)


def test_a_rescheduled_fixture_stays_one_row(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), fixture(GLENCOE, TENNAQUA, "11/05/2024"))

    again = schedules(
        league, tmp_path, fixture(BIRCHWOOD, TENNAQUA, "10/01/2024"), fixture(GLENCOE, TENNAQUA, "09/01/2024")
    )

    assert (again.counts.inserted, again.counts.updated) == (1, 1)
    assert rows_of(league, schedule, "id", "match_date")[0] == (1, date(2024, 10, 1))


def test_what_vanishes_from_a_feed_is_told_and_stays(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, *ROUND)

    again = schedules(league, tmp_path, ROUND[0], ROUND[2])

    assert again.counts.withdrawn == 1
    assert len(rows_of(league, schedule, "id")) == 3


def test_what_vanishes_is_told_beside_a_row_whose_league_was_open(league: Engine, tmp_path: Path) -> None:
    """Counts alone would not tell: the feed knows two rows, and the league has two."""
    schedules(league, tmp_path, *ROUND)
    with league.begin() as connection:
        connection.execute(text("update schedule set league_id = null where match_date = '2024-10-08'"))

    again = schedules(league, tmp_path, ROUND[0], ROUND[2])

    assert (again.counts.withdrawn, again.counts.updated) == (1, 1)


def test_what_vanishes_from_a_feed_goes_when_asked(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, *ROUND)

    again = schedules(league, tmp_path, ROUND[0], ROUND[2], prune=True)

    assert again.counts.withdrawn == 1
    assert rows_of(league, schedule, "id") == [(1,), (3,)]


def test_another_season_is_not_withdrawn(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA, "09/24/2023"))

    again = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA))

    assert again.counts.withdrawn == 0


def test_a_dry_run_tells_everything_and_writes_nothing(league: Engine, tmp_path: Path) -> None:
    result = schedules(league, tmp_path, fixture(BIRCHWOOD, TENNAQUA), dry_run=True)

    assert (result.outcome, result.counts.inserted) == (Outcome.PUBLISHED, 1)
    assert rows_of(league, schedule, "id") == []
    assert "schedules" not in [kind for (kind,) in rows_of(league, import_feeds, "kind")]
    assert rows_of(league, import_runs, "outcome")[-1] == ("tried",)


def test_fixtures_are_linked_anew_once_standings_name_their_teams(league: Engine, tmp_path: Path) -> None:
    schedules(league, tmp_path, fixture("Newcomer - 11", TENNAQUA), limits=LENIENT)
    names = [standing(name) for name in (BIRCHWOOD, GLENCOE, TENNAQUA, "Newcomer - 11")]
    publish_one(league, write(tmp_path, "series_stats", names))

    again = schedules(league, tmp_path, fixture("Newcomer - 11", TENNAQUA))

    assert (again.outcome, again.counts.updated) == (Outcome.PUBLISHED, 1)
    with league.begin() as connection:
        newcomer = connection.scalar(select(teams.c.id).where(teams.c.team_name == "Newcomer - 11"))
    assert rows_of(league, schedule, *LINKS) == [(newcomer, 3)]


WITHOUT_KEY = "alter table schedule drop constraint unique_schedule_match"
TWICE = (fixture(BIRCHWOOD, TENNAQUA, time="02:00 pm"), fixture(BIRCHWOOD, TENNAQUA, time="06:30 pm"))


def test_of_a_fixture_that_stands_there_twice_the_fuller_row_counts(league: Engine, tmp_path: Path) -> None:
    rows = [fixture(BIRCHWOOD, TENNAQUA), fixture(BIRCHWOOD, TENNAQUA), fixture(BIRCHWOOD, TENNAQUA, time="")]

    result = schedules(league, tmp_path, *rows)

    assert (result.counts.inserted, result.counts.duplicates, result.counts.rejects) == (1, 2, 0)
    assert rows_of(league, schedule, "match_time", "location") == [(time(18, 30), "Birchwood")]


def test_a_row_that_differs_in_its_place_is_kept_as_a_reject_that_says_so(league: Engine, tmp_path: Path) -> None:
    result = schedules(league, tmp_path, *ROUND, fixture(BIRCHWOOD, TENNAQUA, location="Glencoe"), limits=LENIENT)

    assert (result.counts.inserted, result.counts.rejects) == (3, 1)
    assert rows_of(league, rejects, "index", "reason") == [(0, "row 3 of the feed has this fixture at 'Glencoe'")]


def test_the_second_match_of_a_day_is_a_reject_that_names_the_key(league: Engine, tmp_path: Path) -> None:
    result = schedules(league, tmp_path, *TWICE, limits=LENIENT)

    assert (result.counts.inserted, result.counts.rejects) == (1, 1)
    assert rows_of(league, schedule, "match_time") == [(time(14),)]
    assert rows_of(league, rejects, "reason") == [
        (
            "a second fixture of these teams on this day: beside it one at 14:00, and schedule allows one:"
            " unique_schedule_match (match_date, home_team, away_team, league_id)",
        )
    ]


def test_many_fixtures_that_stand_there_twice_are_settled_by_as_many_statements_as_one(
    league: Engine, tmp_path: Path
) -> None:
    others = [row | {"date": f"10/0{day}/2024"} for day in range(1, 6) for row in TWICE]
    asked = []
    for rows in (TWICE, others):
        with counted(league) as statements:
            result = schedules(league, tmp_path, *rows, limits=LENIENT)
        asked.append(len([one for one in statements if "stage_fixtures" in one or "quality.rejects" in one]))

    assert (result.counts.inserted, result.counts.rejects) == (5, 5)
    assert asked[0] == asked[1]


def test_without_the_key_two_matches_of_a_day_are_two_fixtures_that_stay(league: Engine, tmp_path: Path) -> None:
    with league.begin() as connection:
        connection.execute(text(WITHOUT_KEY))
    first = schedules(league, tmp_path, *TWICE)

    again = schedules(league, tmp_path, *TWICE, force=True)
    moved = schedules(league, tmp_path, TWICE[0], TWICE[1] | {"location": "Glencoe"})

    assert (first.counts.inserted, first.counts.duplicates) == (2, 0)
    assert (again.counts.inserted, again.counts.updated, again.counts.unchanged) == (0, 0, 2)
    assert (moved.counts.inserted, moved.counts.updated, moved.counts.unchanged) == (0, 1, 1)
    assert sorted(rows_of(league, schedule, "match_time", "location")) == [
        (time(14), "Birchwood"), (time(18, 30), "Glencoe"),
    ]  # fmt: skip
