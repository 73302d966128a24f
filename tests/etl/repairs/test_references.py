"""Tables that refer to a team or a player without a foreign key, as the platform has them."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, literal, select, text

from etl.migrate import upgrade
from etl.repairs import Delete, Merge, RepairError
from etl.repairs.constraints import REFERENCES, named_by_text, references_to
from etl.repairs.ledger import open_repair
from etl.repairs.perform import perform
from etl.repairs.reflected_table import reflect
from etl.tables import leagues, players, teams
from tests.platform.fixtures import AUGUST, NOVEMBER

HERE = pytest.mark.parametrize(
    "platform", [AUGUST, pytest.param(NOVEMBER, marks=pytest.mark.slow)], indirect=True, ids=str
)
POLL = "insert into polls (team_id, question) values ({}, 'Friday?') returning id"


def referring(engine: Engine, table: object) -> set[str]:
    with engine.begin() as connection:
        found = references_to(connection, reflect(connection, table))
        return {f"{one.shape.name}.{one.column}" for one in found}


@HERE
def test_they_are_found_by_the_name_of_their_column(platform: Engine) -> None:
    found = referring(platform, teams)

    assert {"polls.team_id", "activity_log.team_id", "schedule.home_team_id", "captain_messages.team_id"} <= found
    assert {"player_availability.player_id", "poll_responses.player_id"} <= referring(platform, players)


@HERE
def test_a_text_of_that_name_is_something_else(platform: Engine) -> None:
    assert "player_season_tracking.player_id" not in referring(platform, players)


def test_a_table_that_is_not_ours_is_referred_to_by_its_keys_alone(connection: Connection) -> None:
    connection.execute(text("create table gadgets (id int primary key)"))
    connection.execute(text("create table notes (gadgets_id int, made_of int references gadgets)"))

    found = references_to(connection, reflect(connection, "public.gadgets"))

    assert [(one.shape.label, one.column) for one in found] == [("public.notes", "made_of")]


@HERE
def test_settings_name_the_others(platform: Engine) -> None:
    assert "users.league_context" not in referring(platform, leagues)

    platform.update_execution_options(**{REFERENCES: {"users.league_context": "leagues"}})

    assert "users.league_context" in referring(platform, leagues)


@HERE
def test_who_is_named_by_text_alone_is_not_removed_while_no_other_row_bears_the_name(platform: Engine) -> None:
    """Two memberships of one person have one id: users lose nobody while one of them stays."""
    upgrade(platform)
    member = "select min(id), max(id) from players where tenniscores_player_id = '{}'"
    with platform.connect() as connection:
        named = connection.scalar(text(TWICE))
        first, last = connection.execute(text(member.format(named))).one()
        connection.execute(text(f"update users set tenniscores_player_id = '{named}' where id % 2 = 0"))
        connection.execute(text("delete from player_availability"))
        number = open_repair(connection, summary="a test")

        perform(connection, number, (Delete(players, select(players.c.id).where(players.c.id == first)),))
        with pytest.raises(RepairError, match=r"referred to by tenniscores_player_id of 25 rows of public\.users"):
            perform(connection, number, (Delete(players, select(players.c.id).where(players.c.id == last)),))


TWICE = """
select tenniscores_player_id from players p where not exists
  (select 1 from user_player_associations a where a.tenniscores_player_id = p.tenniscores_player_id)
group by 1 having count(*) = 2 order by 1 limit 1
"""


@HERE
def test_settings_name_texts_too(platform: Engine) -> None:
    platform.update_execution_options(**{REFERENCES: {"player_season_tracking.player_id": "players"}})
    with platform.begin() as connection:
        named = named_by_text(connection, reflect(connection, players))

    assert {f"{one.shape.name}.{one.column}" for one in named} == {
        "player_season_tracking.player_id",
        "user_player_associations.tenniscores_player_id",
        "user_player_associations_backup.tenniscores_player_id",
        "users.tenniscores_player_id",
    }
    assert "player_season_tracking.player_id" not in referring(platform, players)


@HERE
def test_they_follow_a_merge_and_forbid_a_removal(platform: Engine) -> None:
    upgrade(platform)
    with platform.begin() as connection:
        gone, stays = connection.scalars(select(teams.c.id).order_by(teams.c.id).limit(2))
        poll = connection.scalar(text(POLL.format(gone)))

    with platform.connect() as connection:
        connection.execute(text("update players set team_id = null"))
        connection.execute(text("update series_stats set team_id = null"))
        for table in ("schedule", "match_scores"):
            connection.execute(text(f"update {table} set home_team_id = null, away_team_id = null"))
        number = open_repair(connection, summary="a test")
        with pytest.raises(RepairError, match=r"referred to by team_id of 1 row of public\.polls"):
            perform(connection, number, (Delete(teams, select(teams.c.id).where(teams.c.id == gone)),))

    with platform.begin() as connection:
        number = open_repair(connection, summary="a test")
        pair = select(teams.c.id, literal(stays).label("into")).where(teams.c.id == gone)
        perform(connection, number, (Merge(teams, pair),))

        assert connection.scalar(text(f"select team_id from polls where id = {poll}")) == stays
