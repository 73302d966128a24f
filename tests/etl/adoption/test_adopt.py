"""Taking the platform's database into use: nothing is lost, nothing is changed, and all of it can be taken back."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from etl.adoption.adopt import AdditionState
from etl.adoption.rights import READER
from etl.migrate import Mode, NotAdoptable, remove, upgrade
from tests.platform import dump
from tests.platform.build import OWNER
from tests.platform.fixtures import AUGUST
from tests.platform.loader import load_schedule, schedule_rows
from tests.platform.servers import administer

INDEXES = {
    "ix_teams_series_id", "ix_match_scores_away_team_id", "ix_match_scores_home_team_id", "ix_match_scores_match_date",
    "ix_players_team_id", "ix_schedule_away_team_id", "ix_schedule_home_team_id", "ix_series_stats_team_id",
}  # fmt: skip
WITHOUT_ID = "select {} from schedule order by match_date, home_team, away_team, match_time"
LOADED = WITHOUT_ID.format("match_date, match_time, home_team, away_team, location, league_id, home_team_id")


def test_no_row_is_touched(platform: Engine) -> None:
    before, places = dump.rows(platform), dump.versions(platform, ["schedule", "teams", "players", "series_stats"])

    upgrade(platform)

    assert dump.rows(platform) == before
    assert dump.versions(platform, list(places)) == places


def test_only_indexes_are_added_and_what_could_refuse_a_row_is_offered(platform: Engine) -> None:
    found = upgrade(platform).additions

    assert {one.name for one in found if one.state is AdditionState.ADDED} == INDEXES
    assert {(one.name, one.state, one.rows) for one in found if one.name not in INDEXES} == {
        ("unique_schedule_match", AdditionState.BLOCKED, 2_058),
        ("schedule_no_self_match", AdditionState.OFFERED, 0),
        ("schedule_team_id_not_null", AdditionState.OFFERED, 2_252),
    }


def test_columns_that_the_platform_lacks_are_named_and_not_added(platform: Engine) -> None:
    before = dump.catalogue(platform)

    lacking = upgrade(platform).lacking

    assert lacking == ("series_stats: matches_percentage, lines_percentage, sets_percentage, games_percentage",)
    assert not [line for line in set(dump.catalogue(platform)) - set(before) if "CatalogueColumn" in line]


def test_the_platforms_loader_has_the_same_rows_afterwards(platform: Engine) -> None:
    rows = schedule_rows()[::4]
    load_schedule(platform, rows)
    with platform.begin() as connection:
        alone = connection.execute(text(LOADED)).all()

    upgrade(platform)

    assert load_schedule(platform, rows) == 0
    with platform.begin() as connection:
        assert connection.execute(text(LOADED)).all() == alone


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_a_check_that_a_person_asks_for_makes_that_loader_lose_rows(platform: Engine) -> None:
    """What happened to whoever ran `init` before it only offered them: batches of 100 were refused in silence."""
    upgrade(platform, constraints=True)

    assert load_schedule(platform, schedule_rows()) > 2_000


def test_removing_leaves_the_catalogue_as_it_was(platform: Engine) -> None:
    before, rows = dump.catalogue(platform), dump.rows(platform)
    upgrade(platform)
    upgrade(platform, constraints=True)

    assert remove(platform) == ()

    assert dump.catalogue(platform) == before
    assert dump.rows(platform) == rows


def test_the_key_of_the_schedule_is_added_once_no_row_is_in_its_way(platform: Engine) -> None:
    upgrade(platform)
    copies = "row_number() over (partition by match_date, home_team, away_team, league_id order by id) as copy"
    surplus = f"select id from (select id, {copies} from schedule) t where copy > 1"
    with platform.begin() as connection:
        connection.execute(text(f"delete from schedule where id in ({surplus})"))

    (added,) = [one for one in upgrade(platform).additions if one.state is AdditionState.ADDED]

    assert added.name == "unique_schedule_match"
    assert load_schedule(platform, schedule_rows()) == 0


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_a_table_that_lacks_what_everything_is_built_on_is_named(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("alter table series_stats drop column series_id, drop column team_id"))
        connection.execute(text("drop table player_history"))

    with pytest.raises(NotAdoptable) as refused:
        upgrade(platform)

    assert str(refused.value) == (
        "the schema public is not that of a Rally platform: there is no table player_history; table series_stats lacks"
        " team_id, series_id; nothing was changed. For rules on tables of your own: rally-health init --rules-only"
    )


def test_for_rules_alone_nothing_but_our_schema_is_made(platform: Engine) -> None:
    before = [line for line in dump.catalogue(platform) if not line.startswith("('schema'")]

    assert upgrade(platform, rules_only=True).mode is Mode.RULES_ONLY
    assert upgrade(platform).mode is Mode.RULES_ONLY

    assert [line for line in dump.catalogue(platform) if not line.startswith("('schema'")] == before


def test_a_schema_of_the_roles_own_name_takes_no_table_in(platform: Engine) -> None:
    with platform.begin() as connection:
        connection.execute(text("create schema platform_owner"))

    upgrade(platform)

    with platform.begin() as connection:
        own = text("select count(*) from pg_class where relnamespace = 'platform_owner'::regnamespace")
        assert connection.scalar(own) == 0


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_the_role_of_checks_is_made_where_the_owner_may_and_goes_again(platform: Engine, server: str) -> None:
    administer(server, f"alter role {OWNER} createrole")
    before = dump.catalogue(platform)
    try:
        assert upgrade(platform).reader
        with platform.begin() as connection:
            may = text("select has_table_privilege(:role, :table, 'SELECT')")
            found = {name: connection.scalar(may, {"role": READER, "table": name}) for name in ("teams", "users")}
        remove(platform)
    finally:
        administer(server, f"alter role {OWNER} nocreaterole")

    assert found == {"teams": True, "users": False}
    assert dump.catalogue(platform) == before
