"""What is not published: nothing over something, half a feed, rows nobody could read, names that lost their team."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from etl.importing import Counts, FeedResult, Outcome
from etl.importing.guards import Limits, objections
from etl.importing.import_feed import Allowance
from etl.tables import import_feeds, schedule
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11")


def scheduled(engine: Engine, folder: Path, *rows: object, **options: object) -> FeedResult:
    return publish_one(engine, write(folder, "schedules", rows), **options)


@pytest.fixture
def league(database: Engine, tmp_path: Path) -> Engine:
    """A league of two teams with ten fixtures."""
    publish_one(database, write(tmp_path, "series_stats", [standing(name) for name in TEAMS]))
    scheduled(database, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)))
    return database


def test_an_empty_feed_is_not_published_over_a_full_one(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path)

    assert result.outcome is Outcome.BLOCKED
    assert result.reasons == ("empty_feed: the feed has no rows; nothing is published over what is there",)
    assert len(rows_of(league, schedule, "id")) == 10


def test_a_feed_half_the_size_is_not_published(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024", time="") for day in range(1, 6)))

    assert result.reasons == (
        "shrunken_feed: APTA_CHICAGO has 5 rows, 50% fewer than the 10 of the last publication; "
        "at most 40% fewer are published",
    )
    assert rows_of(league, schedule, "match_time")[0] != (None,)


def test_a_feed_two_fifths_smaller_is_still_published(league: Engine, tmp_path: Path) -> None:
    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 7)))

    assert result.outcome is Outcome.PUBLISHED


def test_a_league_that_vanished_from_the_merged_feed_blocks_it() -> None:
    last = FeedResult("all/schedules.json", None, "all", Outcome.PUBLISHED, leagues={"CITA": 857, "NSTF": 110})  # type: ignore[arg-type]

    found = objections(Counts(rows=110, records=110, linked=220), {"NSTF": 110}, last, Limits())

    assert [str(one) for one in found] == [
        "vanished_league: CITA had 857 rows in the last publication, and has none now"
    ]


def test_too_many_rejects_block_the_good_rows_with_them(league: Engine, tmp_path: Path) -> None:
    good = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 11)]

    result = scheduled(league, tmp_path, *good, fixture(*TEAMS, "13/45/2024"))

    assert result.reasons == ("too_many_rejects: 1 of 11 rows were refused (9%), at most 5% may be",)


def test_names_that_lost_their_team_block_the_feed(league: Engine, tmp_path: Path) -> None:
    rows = [fixture("Birchwud Tennis - 11", TEAMS[1], f"10/{day:02}/2024") for day in range(1, 11)]

    result = scheduled(league, tmp_path, *rows)

    assert result.reasons == (
        "newly_unlinked: 10 of 20 sides have newly no team (50.0%), at most 1% may; see rally-health names unresolved",
    )


def test_names_that_never_had_a_team_block_only_once(league: Engine, tmp_path: Path) -> None:
    rows = [fixture("Birchwud Tennis - 11", TEAMS[1], f"10/{day:02}/2024") for day in range(1, 11)]
    scheduled(league, tmp_path, *rows, allow=Allowance(frozenset({"newly_unlinked"}), "dba", "a new club"))

    again = scheduled(league, tmp_path, *rows, force=True)

    assert (again.outcome, again.counts.unlinked, again.counts.newly_unlinked) == (Outcome.PUBLISHED, 10, 0)


def test_an_objection_that_is_let_pass_is_recorded_with_who_and_why(league: Engine, tmp_path: Path) -> None:
    few = [fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 4)]

    result = scheduled(league, tmp_path, *few, allow=Allowance(frozenset({"shrunken_feed"}), "dba", "season ended"))

    assert result.outcome is Outcome.PUBLISHED
    (recorded,) = rows_of(league, import_feeds, "allowed")[-1]
    assert [(one["rule"], one["who"], one["why"]) for one in recorded] == [("shrunken_feed", "dba", "season ended")]


def test_a_blocked_feed_is_compared_with_what_was_published_and_not_with_itself(league: Engine, tmp_path: Path) -> None:
    scheduled(league, tmp_path)

    again = scheduled(league, tmp_path)

    assert again.outcome is Outcome.BLOCKED


def test_a_blocked_feed_holds_back_no_other(league: Engine, tmp_path: Path) -> None:
    write(tmp_path, "schedules", [])
    path = write(tmp_path, "series_stats", [standing(name, points=31) for name in TEAMS])

    result = publish_one(league, path)

    assert result.counts.updated == 2


def test_rows_that_go_nowhere_are_never_committed(league: Engine, tmp_path: Path) -> None:
    """What was lost in 2025 was lost in silence; here a trigger eats a row, and the feed fails."""
    with league.begin() as connection:
        connection.exec_driver_sql(
            "create function eat() returns trigger language plpgsql as"
            " $$ begin if new.match_date = '2024-10-15' then return null; end if; return new; end $$"
        )
        connection.exec_driver_sql("create trigger eat before insert on schedule for each row execute function eat()")

    result = scheduled(league, tmp_path, *(fixture(*TEAMS, f"10/{day:02}/2024") for day in range(1, 21)))

    assert result.outcome is Outcome.FAILED
    assert result.reasons == ("20 records were staged, and 19 are accounted for; nothing is published",)
    assert len(rows_of(league, schedule, "id")) == 10
