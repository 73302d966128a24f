"""What the table allows is written: any constraint, also one that was added yesterday."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from etl.importing import FeedResult, Outcome
from etl.importing.declared import Limits
from etl.tables import rejects, schedule, series_stats
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write

LENIENT = Limits(rejects=1, unlinked=1, shrunk=1)
TEAMS = ("Birchwood - 11", "Tennaqua - 11", "Glenbrook - 11")


def two_teams(engine: Engine, folder: Path) -> None:
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams)


def constrained(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def schedules(engine: Engine, folder: Path, *rows: dict[str, Any], **options: Any) -> FeedResult:
    return publish_one(engine, write(folder, "schedules", rows), limits=LENIENT, **options)


def reasons(engine: Engine) -> list[tuple[Any, ...]]:
    return rows_of(engine, rejects, "index", "field", "reason")


def test_a_row_whose_key_another_row_has_is_a_reject_and_the_rest_is_published(league: Engine, tmp_path: Path) -> None:
    constrained(league, "alter table schedule add constraint one_court unique (match_date, location)")
    schedules(league, tmp_path, fixture(*TEAMS[:2]))
    later = fixture(TEAMS[0], TEAMS[2], time="08:00 pm")
    result = schedules(league, tmp_path, fixture(*TEAMS[:2]), later, fixture(*TEAMS[1:], "10/01/2024"))

    assert (result.outcome, result.counts.inserted, result.counts.unchanged) == (Outcome.PUBLISHED, 1, 1)
    assert reasons(league) == [
        (1, "match_date, location", "schedule: one_court (match_date, location) is taken by row 1 of the table")
    ]
    (raw,) = rows_of(league, rejects, "raw")
    assert json.loads(raw[0]) == {
        "League": "APTA_CHICAGO", "series": "Chicago 11", "date": "2024-09-24", "time": "20:00:00",
        "home_team": TEAMS[0], "away_team": TEAMS[2], "location": "Birchwood",
    }  # fmt: skip


def test_of_two_rows_of_a_feed_with_one_key_the_first_is_published(league: Engine, tmp_path: Path) -> None:
    constrained(league, "create unique index one_court on schedule (match_date, lower(location)) where location <> 'X'")
    rows = [fixture(*TEAMS[:2]), fixture(*TEAMS[1:], location="BIRCHWOOD"), fixture(TEAMS[2], TEAMS[0], location="X")]
    result = schedules(league, tmp_path, *rows)

    assert result.counts.inserted == 2
    assert [reason for _, _, reason in reasons(league)] == [
        "schedule: one_court (match_date, lower(location)) is taken by row 0 of the feed"
    ]


def test_a_row_that_a_check_forbids_is_a_reject(league: Engine, tmp_path: Path) -> None:
    constrained(league, "alter table schedule add constraint no_early check (match_time > '09:00') not valid")
    schedules(league, tmp_path, fixture(*TEAMS[:2], time="08:00 am"), fixture(*TEAMS[1:]))

    assert [(index, reason.partition(":")[0]) for index, _, reason in reasons(league)] == [
        (0, "schedule does not take the row")
    ]
    assert "CHECK no_early" in reasons(league)[0][2]
    assert len(rows_of(league, schedule, "id")) == 1


def test_an_empty_value_in_a_column_that_must_not_be_empty_is_a_reject(league: Engine, tmp_path: Path) -> None:
    constrained(league, "alter table schedule alter location set not null")
    schedules(league, tmp_path, fixture(*TEAMS[:2], location=""), fixture(*TEAMS[1:]))

    assert reasons(league) == [(0, "location", "schedule.location must not be empty (NOT NULL), and is empty")]


def test_rows_that_move_up_one_after_another_are_all_written(league: Engine, tmp_path: Path) -> None:
    first = [standing(name, points=points) for name, points in zip(TEAMS, (3, 2, 1), strict=True)]
    publish_one(league, write(tmp_path, "series_stats", first), force=True)
    constrained(league, "alter table series_stats add constraint one_place unique (league_id, points)")
    second = [standing(name, points=points) for name, points in zip(TEAMS, (4, 3, 2), strict=True)]
    result = publish_one(league, write(tmp_path, "series_stats", second))

    assert (result.outcome, result.counts.updated, result.counts.rejects) == (Outcome.PUBLISHED, 3, 0)
    assert rows_of(league, series_stats, "team", "points") == list(zip(TEAMS, (4, 3, 2), strict=True))


def test_a_column_that_the_table_lacks_is_left_out(league: Engine, tmp_path: Path) -> None:
    constrained(league, "alter table series_stats drop column games_percentage, drop column matches_percentage")
    changed = [standing(name, points=50) for name in TEAMS]

    assert publish_one(league, write(tmp_path, "series_stats", changed)).counts.updated == 3


@pytest.mark.parametrize(
    ("kind", "points", "refused"),
    [
        ("integer", (12.5, 7, 3), [0]),
        ("smallint", (40_000, 32_767, -32_769), [0, 2]),
        ("numeric(3,1)", (99.94, 99.95, 12.34), [1]),
        ("numeric(4)", (9_999.4, 9_999.5, 1), [1]),
        ("double precision", (1e6, 2.25, 3), []),
    ],
)
def test_a_number_that_its_column_cannot_hold_is_a_reject(
    league: Engine, tmp_path: Path, kind: str, points: tuple[float, ...], refused: list[int]
) -> None:
    """It failed the feed, or was rounded in silence and written anew with each import."""
    constrained(league, f"alter table series_stats alter points type {kind}")
    rows = [standing(name, points=value) for name, value in zip(TEAMS, points, strict=True)]
    feed = write(tmp_path, "series_stats", rows)

    result = publish_one(league, feed, limits=LENIENT)
    again = publish_one(league, feed, limits=LENIENT, force=True)

    assert (result.outcome, result.counts.updated) == (Outcome.PUBLISHED, 3 - len(refused))
    assert [(index, field) for index, field, _ in reasons(league)][: len(refused)] == [
        (index, "points") for index in refused
    ]
    assert {reason for _, _, reason in reasons(league)} <= {
        f"series_stats.points is {kind if '(4' not in kind else 'numeric(4,0)'} and cannot hold this value"
    }
    assert again.counts.updated == 0


def test_a_text_that_its_column_cannot_hold_is_a_reject(league: Engine, tmp_path: Path) -> None:
    constrained(league, "alter table schedule alter location type varchar(9)")
    schedules(league, tmp_path, fixture(*TEAMS[:2], location="Birchwood"), fixture(*TEAMS[1:], location="Lake Forest"))

    assert reasons(league) == [(1, "location", "schedule.location is character varying(9) and cannot hold this value")]
    assert len(rows_of(league, schedule, "id")) == 1


def test_an_empty_text_of_the_table_is_not_written_over_with_nothing(league: Engine, tmp_path: Path) -> None:
    """9,131 of the platform's players have '' for a captain's status that the feed leaves out."""
    feed = write(tmp_path, "series_stats", [standing(name, matches={"percentage": None}) for name in TEAMS])
    publish_one(league, feed, force=True)
    constrained(league, "update series_stats set matches_percentage = ''")

    assert publish_one(league, feed, force=True).counts.unchanged == 3
