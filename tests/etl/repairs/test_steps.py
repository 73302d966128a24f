"""What each step does, keeps and gives back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, func, insert, literal, select, text, values
from sqlalchemy import column as col
from sqlalchemy.exc import DBAPIError

from etl.repairs import Adopt, Delete, Insert, Merge, RepairError, Step, Update, ledger
from etl.repairs.constraints import beside_foreign_keys
from etl.repairs.perform import perform
from etl.repairs.undo import conflicts, ids_of, undo
from etl.tables import leagues, players, repair_rows, schedule, series, team_aliases, teams
from tests.etl.repairs.dump import dump

DAY = "2025-01-07"


@pytest.fixture
def season(connection: Connection) -> Connection:
    """Three teams, two of them one team under two names, and a few rows that refer to them."""
    connection.execute(insert(leagues).values(id=1, league_id="CNSWPL", league_name="CNSWPL"))
    connection.execute(insert(series).values(id=1, name="Series 1"))
    for number, name in ((1, "A 1"), (2, "A 1 - Series 1"), (3, "B 1")):
        connection.execute(insert(teams).values(id=number, league_id=1, series_id=1, team_name=name))
    for number, home, away in ((1, 1, 3), (2, 2, 3), (3, 3, 2)):
        row = {"id": number, "match_date": f"2025-01-0{number}", "home_team": "x", "away_team": "y", "league_id": 1}
        connection.execute(insert(schedule).values(row | {"home_team_id": home, "away_team_id": away}))
    connection.execute(text("select setval('schedule_id_seq', 3)"))
    connection.execute(insert(players).values(id=1, tenniscores_player_id="nndz-1", team_id=2, pti="12.50"))
    alias = {"league": "CNSWPL", "name": "A eins", "team_id": 2, "confirmed_by": "kim"}
    connection.execute(insert(team_aliases).values(alias))
    return connection


def apply(connection: Connection, *steps: Step) -> int:
    number = ledger.open_repair(connection, summary="a test")
    perform(connection, number, steps)
    ledger.note(connection, number, state="applied", applied_at=func.clock_timestamp())
    return number


def pairs(*rows: tuple[int, int]) -> Any:
    return select(values(col("id", schedule.c.id.type), col("into", schedule.c.id.type), name="p").data(list(rows)))


NEXT_MONTH = select(
    (schedule.c.match_date + 30).label("match_date"), *schedule.c["home_team", "away_team", "home_team_id"]
)
MERGE = Merge(teams, pairs((2, 1)))
STEPS: dict[str, tuple[Step, ...]] = {
    "delete": (Delete(schedule, select(schedule.c.id).where(schedule.c.id > 1)),),
    "update": (Update(schedule, select(schedule.c.id, (schedule.c.home_team + "?").label("location"))),),
    "insert": (Insert(schedule, NEXT_MONTH),),
    "merge": (MERGE,),
    "merge, then delete": (MERGE, Delete(schedule, select(schedule.c.id).where(schedule.c.home_team_id == 1))),
    "update a row twice": (
        Update(schedule, select(schedule.c.id, (schedule.c.home_team + "1").label("home_team"))),
        Update(schedule, select(schedule.c.id, (schedule.c.home_team + "2").label("home_team"))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_undoing_brings_back_every_byte(season: Connection, name: str) -> None:
    before = dump(season)
    repair = apply(season, *STEPS[name])
    assert dump(season) != before

    undo(season, repair, "kim")

    assert dump(season) == before


def test_whatever_refers_to_a_merged_row_follows_it(season: Connection) -> None:
    apply(season, MERGE)

    assert season.scalars(select(teams.c.id).order_by(teams.c.id)).all() == [1, 3]
    assert season.scalars(select(schedule.c.home_team_id).order_by(schedule.c.id)).all() == [1, 1, 3]
    assert season.scalars(select(schedule.c.away_team_id).order_by(schedule.c.id)).all() == [3, 3, 1]
    assert season.scalar(select(players.c.team_id)) == 1
    assert season.scalar(select(team_aliases.c.team_id)) == 1


def test_tables_that_we_do_not_know_follow_too(season: Connection) -> None:
    season.execute(text("create table polls (id integer primary key, of_team integer references teams (id))"))
    season.execute(text("insert into polls values (7, 2)"))

    apply(season, MERGE)

    assert season.execute(text("select * from polls")).one() == (7, 1)


def test_a_row_that_others_refer_to_is_not_deleted(season: Connection) -> None:
    with pytest.raises(
        RepairError, match=r"rows of public\.teams that would be removed .* by team_id of \d rows? of public\.players"
    ):
        apply(season, Delete(teams, select(teams.c.id).where(teams.c.id == 2)))


def test_a_row_is_not_merged_into_one_that_goes_itself(season: Connection) -> None:
    with pytest.raises(RepairError, match="would be merged into rows that are to be removed themselves"):
        apply(season, Merge(teams, pairs((2, 1), (1, 3))))


def test_columns_that_only_this_database_has_are_kept(season: Connection) -> None:
    season.execute(text("alter table schedule add column note jsonb default 'null', add column \"Odd Name\" numeric"))
    season.execute(text("update schedule set \"Odd Name\" = 'NaN'"))
    before = dump(season)

    undo(season, apply(season, *STEPS["delete"]), "kim")

    assert dump(season) == before


def test_every_value_comes_back_as_it_was(season: Connection) -> None:
    season.execute(text("""
        create table odd (id integer generated always as identity primary key, b bytea, f float8, t timestamptz,
                          d date, i interval, a text[], n numeric, g integer generated always as (1) stored)
    """))  # fmt: skip
    season.execute(text("""
        insert into odd (b, f, t, d, i, a, n) values
        ('\\x00ff', 0.1, '2025-01-01 12:00:00.123456+05', 'infinity', '1 mon -3 days', '{"a,b",null,"\\""}', 1.500),
        (null, 'nan', '-infinity', '0044-03-15 BC', null, '{}', 'nan')
    """))  # fmt: skip
    before = dump(season)
    odd = Table("odd", MetaData(), Column("id", Integer))

    undo(season, apply(season, Delete(odd, select(odd.c.id))), "kim")

    assert dump(season) == before


def test_nothing_is_deleted_that_was_not_kept(season: Connection) -> None:
    before = set(season.scalars(text("select schedule::text from schedule")))
    repair = apply(season, *STEPS["delete"])

    kept = season.execute(
        select(repair_rows.c.before).where(repair_rows.c.repair_id == repair, repair_rows.c.action == "delete")
    )

    gone = before - set(season.scalars(text("select schedule::text from schedule")))
    assert len(kept.all()) == len(gone) == 2


def test_triggers_do_not_spoil_an_undo(season: Connection) -> None:
    season.execute(text("alter table schedule add column touched integer default 0"))
    season.execute(text("""
        create function touch() returns trigger language plpgsql as
        'begin new.touched = old.touched + 1; return new; end';
        create trigger touch before update on schedule for each row execute function touch()
    """))  # fmt: skip
    before = dump(season)

    undo(season, apply(season, *STEPS["update"]), "kim")

    assert dump(season) == before


def test_constraints_are_put_into_force_and_taken_back(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        connection.execute(text("alter table schedule drop constraint schedule_no_self_match"))
        connection.execute(text("alter table match_scores drop constraint match_scores_winner_check"))
        connection.execute(text("drop index ix_players_team_id"))
    before = dump(database)
    with database.begin() as connection:
        repair = apply(connection, Adopt())
    assert "unique_schedule_match" in (there := dump(database))
    assert "match_scores_winner_check" in there
    with database.begin() as connection:
        assert connection.scalar(text("select to_regclass('ix_players_team_id')")) is None

    with database.begin() as connection:
        undo(connection, repair, "kim")

    assert dump(database) == before


def test_every_row_that_is_not_what_the_repair_left_is_a_conflict(season: Connection) -> None:
    rewritten = Update(schedule, select(schedule.c.id, (schedule.c.home_team + "?").label("home_team")))
    repair = apply(season, rewritten, Delete(schedule, select(schedule.c.id).where(schedule.c.id == 1)))
    assert conflicts(season, repair) == []

    again = {"id": 1, "match_date": "2025-02-01", "home_team": "again", "away_team": "y", "league_id": 1}
    again |= {"home_team_id": 1, "away_team_id": 3}
    season.execute(insert(schedule).values(again))
    season.execute(text("delete from schedule where id = 2"))
    later = apply(
        season,
        Update(schedule, select(schedule.c.id, literal("z").label("away_team")).where(schedule.c.id == 3)),
    )

    assert sorted(map(str, conflicts(season, repair))) == [
        "schedule id 1 is there again", "schedule id 2 was deleted since",
        f"schedule id 3 was changed since (away_team) by repair {later}, undo that first",
    ]  # fmt: skip
    assert conflicts(season, later) == []


def test_the_ids_that_a_repair_removed_are_its_own(season: Connection) -> None:
    first = apply(season, Delete(schedule, select(schedule.c.id).where(schedule.c.id.in_([1, 2]))))
    apply(season, Delete(schedule, select(schedule.c.id).where(schedule.c.id == 3)))

    assert sorted(season.scalars(ids_of(season, first, "public.schedule", "delete"))) == [1, 2]
    assert season.scalars(ids_of(season, first, "public.schedule", "insert")).all() == []


def test_what_is_written_back_refers_to_nothing_that_a_repair_removed(season: Connection) -> None:
    """Of teams 98 and 99, which are not there, one is what the repair has removed: two rows refer to it."""
    season.execute(insert(teams).values(id=100, league_id=1, series_id=1, team_name="C 1"))
    row = {"home_team": "x", "away_team": "y", "league_id": 1, "away_team_id": 3}
    rows = [
        row | {"id": id_, "match_date": f"2025-03-{id_}", "home_team_id": home}
        for id_, home in ((11, 98), (12, 99), (13, 99), (14, 1))
    ]

    def write() -> None:
        season.execute(insert(schedule).values(rows))

    with pytest.raises(RepairError) as refused, season.begin_nested():
        beside_foreign_keys(season, ["public.schedule"], write, lambda _: select(literal(99)))
    beside_foreign_keys(season, ["public.schedule"], write, lambda _: select(literal(97)))

    assert str(refused.value) == (
        "2 rows of public.schedule would refer to rows that are not there any more (fk_schedule_home_team_id)"
    )
    valid = "select convalidated from pg_constraint where conname = 'fk_schedule_{}_team_id'"
    assert [season.scalar(text(valid.format(side))) for side in ("home", "away")] == [False, True]


def test_a_key_to_a_table_without_ids_is_put_back(season: Connection) -> None:
    season.execute(text("create table rinks (code int primary key)"))
    season.execute(text("create table slots (rink int constraint of_rink references rinks)"))

    def write() -> None:
        season.execute(text("insert into slots values (7)"))

    beside_foreign_keys(season, ["public.slots"], write, lambda _: select(literal(7)))

    assert season.scalar(text("select convalidated from pg_constraint where conname = 'of_rink'")) is False


def test_a_constraint_and_a_table_that_are_not_as_they_were_left_are_conflicts(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint schedule_no_self_match"))
        connection.execute(text("create table polls (id integer primary key)"))
        connection.execute(text("insert into polls values (7)"))
        polls = Table("polls", MetaData(), Column("id", Integer))
        repair = apply(connection, Adopt(), Delete(polls, select(polls.c.id)))
        assert conflicts(connection, repair) == []

        connection.execute(text("alter table schedule drop constraint schedule_no_self_match"))
        connection.execute(text("drop table polls"))

        assert list(map(str, conflicts(connection, repair))) == [
            "polls does not exist any more", "schedule constraint schedule_no_self_match was changed since",
        ]  # fmt: skip


def test_a_repair_that_is_being_undone_can_be_looked_at_but_not_undone_as_well(database: Engine) -> None:
    with database.begin() as connection:
        number = ledger.open_repair(connection, summary="a test")
    with database.begin() as undoing, database.begin() as other:
        ledger.find_repair(undoing, number, lock=True)
        other.execute(text("set local lock_timeout = '200ms'"))

        assert ledger.find_repair(other, number).id == number
        with pytest.raises(DBAPIError, match="LockNotAvailable"):
            ledger.find_repair(other, number, lock=True)


def test_undoing_rewinds_the_sequence_to_where_this_repair_found_it(season: Connection) -> None:
    """And not to where the one before it did, whose copies stand beside."""
    apply(season, Insert(schedule, NEXT_MONTH))
    after_one = season.execute(text("select last_value, is_called from schedule_id_seq")).one()
    later = (schedule.c.match_date + 90).label("match_date")
    columns = schedule.c["home_team", "away_team", "home_team_id"]
    second = apply(season, Insert(schedule, select(later, *columns).where(schedule.c.id == 1)))
    assert season.execute(text("select last_value, is_called from schedule_id_seq")).one() != after_one

    undo(season, second, "kim")

    assert season.execute(text("select last_value, is_called from schedule_id_seq")).one() == after_one


def test_a_sequence_from_which_somebody_has_taken_a_number_goes_on(season: Connection) -> None:
    repair = apply(season, Insert(schedule, NEXT_MONTH))
    taken = season.scalar(text("select nextval('schedule_id_seq')"))

    undo(season, repair, "kim")

    assert season.scalar(text("select nextval('schedule_id_seq')")) == taken + 1


def test_a_row_of_a_table_without_a_key_is_one_by_all_that_it_has(season: Connection) -> None:
    season.execute(text("create table bare (id int, note text)"))
    season.execute(text("insert into bare values (1, 'a'), (2, 'b'), (3, null)"))
    bare = Table("bare", MetaData(), Column("id", Integer))
    before = dump(season)
    repair = apply(season, Delete(bare, select(bare.c.id).where(bare.c.id.in_([1, 3]))))
    assert conflicts(season, repair) == []

    season.execute(text("insert into bare values (3, null)"))

    assert [conflict.what for conflict in conflicts(season, repair)] == ["is there again"]
    season.execute(text("delete from bare where id = 3"))
    undo(season, repair, "kim")
    assert dump(season) == before
