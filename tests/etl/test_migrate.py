"""Migrating an empty database, and adopting one that a platform has used for years."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from etl.adoption.adopt import AdditionState
from etl.migrate import NotMigrated, current, newest, require_newest, upgrade
from etl.tables import leagues, schedule

FIXTURE = {"match_date": "2024-09-24", "home_team": "A - 1", "away_team": "B - 1", "league_id": 1}
INSERT = f"insert into schedule ({', '.join(FIXTURE)}) values (:{', :'.join(FIXTURE)})"


def make_legacy(engine: Engine, *rows: dict[str, object]) -> None:
    """A platform as it was before: its tables from a file of their own, and some rows of its schedule."""
    with engine.begin() as connection:
        connection.execute(text(Path(__file__).with_name("old_platform.sql").read_text()))
        connection.execute(insert(leagues).values(id=1, league_id="APTA_CHICAGO", league_name="APTA Chicago"))
        for row in rows:
            connection.execute(text(INSERT), row)


def constraints(engine: Engine) -> set[str]:
    statement = "select conname from pg_constraint where conrelid = 'schedule'::regclass"
    with engine.begin() as connection:
        return set(connection.scalars(text(statement)))


def test_migrating_twice_changes_nothing(empty_database: Engine) -> None:
    upgrade(empty_database)

    assert upgrade(empty_database).obstacles == ()
    assert current(empty_database) == newest()


def test_a_database_that_was_never_migrated_is_told_apart(empty_database: Engine) -> None:
    with pytest.raises(NotMigrated, match=f"at revision None, expected {newest()}: run `rally-health init`"):
        require_newest(empty_database)


def test_adoption_keeps_every_row_and_names_the_missing_column(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE, FIXTURE, FIXTURE)

    assert upgrade(empty_database).lacking == ("schedule: created_at",)

    assert "created_at" not in {column["name"] for column in inspect(empty_database).get_columns("schedule")}
    with empty_database.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(schedule)) == 3


def test_adoption_says_which_rows_stand_in_the_way(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE, FIXTURE, FIXTURE)

    assert [str(obstacle) for obstacle in upgrade(empty_database).obstacles] == [
        "schedule.unique_schedule_match is not in force because of 2 rows; "
        "rally-health fix plan duplicate_match, then run `rally-health init` again",
    ]


def test_a_check_is_offered_with_the_rows_that_it_would_refuse(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE)

    offered = [str(one) for one in upgrade(empty_database).additions if one.state is AdditionState.OFFERED]

    assert offered == [
        "schedule.schedule_no_self_match is not added: it would refuse rows that other programs write (0 rows of"
        " today would break it); `rally-health init --constraints` adds it",
        "schedule.schedule_team_id_not_null is not added: it would refuse rows that other programs write (1 row of"
        " today would break it); `rally-health init --constraints` adds it",
    ]
    assert not {"schedule_no_self_match", "schedule_team_id_not_null"} & constraints(empty_database)


def test_a_check_that_a_person_asked_for_says_that_it_counts_from_now_on(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE)

    (obstacle,) = upgrade(empty_database, constraints=True).obstacles

    assert str(obstacle) == (
        "schedule.schedule_team_id_not_null is in force for every INSERT and UPDATE from now on, whoever writes;"
        " 1 row of today would break it when updated; rally-health fix plan match_without_teams, then run"
        " `rally-health init` again"
    )


def test_new_rows_keep_to_a_check_that_old_rows_break(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE)
    upgrade(empty_database, constraints=True)

    with pytest.raises(IntegrityError, match="schedule_team_id_not_null"), empty_database.begin() as connection:
        connection.execute(insert(schedule).values(FIXTURE | {"home_team": "C - 1"}))


def test_a_constraint_comes_into_force_once_the_rows_are_clean(empty_database: Engine) -> None:
    make_legacy(empty_database, FIXTURE, FIXTURE)
    upgrade(empty_database)
    with empty_database.begin() as connection:
        connection.execute(text("delete from schedule"))

    assert upgrade(empty_database).obstacles == ()
    assert "unique_schedule_match" in constraints(empty_database)


def test_a_unique_index_of_another_name_serves_as_the_key(empty_database: Engine) -> None:
    make_legacy(empty_database)
    with empty_database.begin() as connection:
        connection.execute(text("create unique index own on schedule (home_team, away_team, match_date, league_id)"))

    assert upgrade(empty_database).obstacles == ()
    assert "unique_schedule_match" not in constraints(empty_database)


NOBODY_S = "insert into schedule (match_date, home_team, away_team) values ('2025-02-10', :home, :away)"


@pytest.mark.parametrize(
    ("dirt", "validated"), [(None, True), ("BYERS PARK - 1", False)], ids=["clean", "a team that begins like a bye"]
)
def test_a_database_of_before_takes_byes_and_practices_in_any_case(
    empty_database: Engine, dirt: str | None, *, validated: bool
) -> None:
    """The import and the rules took "bye" for one, the CHECK took "BYE" alone: one such row blocked a whole feed."""
    upgrade(empty_database, "0017", constraints=True)
    with empty_database.begin() as connection:
        if dirt:
            connection.execute(text(NOBODY_S), {"home": dirt, "away": "A - 1"})
    with pytest.raises(IntegrityError, match="schedule_team_id_not_null"), empty_database.begin() as connection:
        connection.execute(text(NOBODY_S), {"home": "Bye", "away": "bye"})

    upgrade(empty_database)

    with empty_database.begin() as connection:
        for home, away in (("bye - 3", "A - 1"), ("A - 1", " Bye"), ("tennaqua PRACTICE - 3", "")):
            connection.execute(text(NOBODY_S), {"home": home, "away": away})
        query = "select convalidated from pg_constraint where conname = 'schedule_team_id_not_null'"
        assert connection.scalar(text(query)) is validated
    with pytest.raises(IntegrityError, match="schedule_team_id_not_null"), empty_database.begin() as connection:
        connection.execute(text(NOBODY_S), {"home": "Byers Park", "away": "A - 1"})
