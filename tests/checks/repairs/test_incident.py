"""The incident of 2025 on the platform's own rows: found, fixed by plans, verified, undone to the last byte."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.run import Request, measure_on
from checks.repairs.apply import apply
from checks.repairs.plan import Means, plan
from checks.scopes import SOURCES
from etl.migrate import upgrade
from etl.repairs.undo import undo
from etl.restore import Rows, restore
from etl.snapshots import take_snapshot
from tests.platform import dump
from tests.platform.fixtures import AUGUST, NOVEMBER

NOW, TODAY = datetime(2025, 9, 1, 12, tzinfo=UTC), date(2025, 9, 1)
PLANS = ("twin_team", "duplicate_match", "match_of_unknown_team", "player_of_unknown_team", "match_without_teams")
"""In the order in which they help each other."""
HERE = pytest.mark.parametrize(
    "platform", [AUGUST, pytest.param(NOVEMBER, marks=pytest.mark.slow)], indirect=True, ids=str
)


@pytest.fixture(scope="module")
def catalogue() -> Rules:
    return collect(SOURCES)


def counted(connection: Connection, rules: Rules, *names: str) -> dict[str, int | None]:
    report = measure_on(connection, Selection(names=names).apply(rules), Request(now=NOW, today=TODAY))
    return {result.rule: result.count for result in report.results}


def repaired(platform: Engine, rules: Rules, name: str) -> int:
    """Plan and apply the fix of a rule; the number of the repair."""
    with platform.begin() as connection:
        planned = plan(rules, name, Means(connection, NOW, TODAY), "kim")
    assert planned.repair is not None, (name, planned.why)
    with platform.begin() as connection:
        return apply(rules, planned.repair.id, Means(connection, NOW, TODAY), "kim").id


@pytest.mark.slow
def test_the_incident_is_found_fixed_verified_and_undone(platform: Engine, catalogue: Rules) -> None:
    upgrade(platform)
    before = dump.rows(platform)
    with platform.begin() as connection:
        found = counted(connection, catalogue, *PLANS)

    repairs = [repaired(platform, catalogue, name) for name in PLANS]

    with platform.begin() as connection:
        left = counted(connection, catalogue, *PLANS)
    assert found["twin_team"] == 204
    assert found["duplicate_match"] == 2_058
    assert {name: left[name] for name in PLANS[:4]} == dict.fromkeys(PLANS[:4], 0)
    assert (left["match_without_teams"] or 0) < (found["match_without_teams"] or 0)
    for number in reversed(repairs):
        with platform.begin() as connection:
            undo(connection, number, "kim")
    assert dump.rows(platform) == before


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
def test_the_key_of_the_schedule_is_put_into_force_once_no_row_is_in_its_way(
    platform: Engine, catalogue: Rules
) -> None:
    """Also where tables lack columns that we could use: the standings of August have no percentages."""
    upgrade(platform)
    before, rows = dump.catalogue(platform), dump.rows(platform)

    # whether a fix harms what another rule finds is asked of these rows in the whole incident
    few = ("duplicate_match", "missing_constraint")
    repairs = [repaired(platform, catalogue.only(catalogue[one] for one in few), name) for name in few]

    assert [line for line in dump.catalogue(platform) if "'unique_schedule_match', kind='u'" in line]
    for number in reversed(repairs):
        with platform.begin() as connection:
            undo(connection, number, "kim")
    assert (dump.catalogue(platform), dump.rows(platform)) == (before, rows)


@HERE
def test_a_snapshot_is_restored_beside_dead_ids(platform: Engine, tmp_path: Path) -> None:
    upgrade(platform)
    before, catalogue = dump.rows(platform), dump.catalogue(platform)
    snapshot = take_snapshot(platform, tmp_path, "a test", "kim")
    with platform.begin() as connection:
        connection.execute(text("update series_stats set points = 0"))
        connection.execute(text("delete from players where id % 50 = 7"))
        connection.execute(
            text("insert into schedule (match_date, home_team, away_team) values ('2025-01-01', 'a', 'b')")
        )

    with platform.begin() as connection:
        restored = restore(connection, snapshot, "kim", judge=lambda connection: "", newer=Rows.DISCARD)

    assert dump.rows(platform) == before
    assert dump.catalogue(platform) == catalogue
    assert restored.repair is not None


@pytest.mark.slow
@HERE
def test_dead_ids_that_were_mended_since_come_back_with_a_restore(platform: Engine, tmp_path: Path) -> None:
    upgrade(platform)
    before = dump.rows(platform)
    snapshot = take_snapshot(platform, tmp_path, "a test", "kim")
    with platform.begin() as connection:
        connection.execute(
            text("update schedule set home_team_id = null, away_team_id = null where home_team like 'Ghost%'")
        )
    mended = dump.rows(platform)

    with platform.begin() as connection:
        restored = restore(connection, snapshot, "kim", judge=lambda connection: "")

    assert dump.rows(platform) == before
    assert restored.repair is not None
    with platform.begin() as connection:
        undo(connection, restored.repair.id, "kim")
    assert dump.rows(platform) == mended


@pytest.mark.parametrize("platform", [AUGUST], indirect=True)
@pytest.mark.parametrize(("constraints", "left"), [(False, 3), pytest.param(True, 0, marks=pytest.mark.slow)])
def test_orphans_of_two_unknown_teams_have_a_way(
    platform: Engine, catalogue: Rules, constraints: bool, left: int
) -> None:
    """They are unlinked, or removed where the database can hold no row without teams; undone, they are as they were."""
    upgrade(platform, constraints=constraints)
    before = dump.rows(platform)

    number = repaired(platform, catalogue.only([catalogue["match_of_unknown_team"]]), "match_of_unknown_team")

    with platform.begin() as connection:
        assert counted(connection, catalogue, "match_of_unknown_team") == {"match_of_unknown_team": 0}
        assert connection.scalar(text("select count(*) from schedule where home_team like 'Ghost%'")) == left
    with platform.begin() as connection:
        undo(connection, number, "kim")
    assert dump.rows(platform) == before
