"""Rally's dimensions: how a row of each table says its league, series, club and import."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Connection, Integer, MetaData, Table, Text, select

from checks import Row, Severity, above, percent, row_check
from checks.engine.collecting.rules import Rules
from checks.scopes import CLUB, DIMENSIONS, IMPORT, LEAGUE, SERIES, tables_read
from etl.tables import clubs, import_runs, leagues, match_scores, players, schedule, series, series_stats, teams

MONDAY = datetime(2025, 6, 30, tzinfo=UTC)


@pytest.fixture
def season(connection: Connection) -> Connection:
    """One match of one team, written by the second of two imports."""
    connection.execute(leagues.insert(), [{"id": 1, "league_id": "L", "league_name": "x"}])
    connection.execute(clubs.insert(), [{"id": 3, "name": "Skokie"}])
    connection.execute(series.insert(), [{"id": 2, "name": "Series 20"}])
    team = {"id": 7, "club_id": 3, "series_id": 2, "league_id": 1, "team_name": "Skokie - 20"}
    connection.execute(teams.insert(), [team])
    for day in (0, 1):
        run = {"started_at": MONDAY + timedelta(days=day), "outcome": "published", "paths": []}
        connection.execute(import_runs.insert(), [run])
    match = {"match_date": MONDAY.date(), "home_team": "Skokie - 20", "away_team": "BYE", "league_id": 1}
    written = MONDAY + timedelta(days=1, hours=2)
    connection.execute(schedule.insert(), [{**match, "home_team_id": 7, "created_at": written}])
    return connection


@pytest.mark.parametrize(
    ("table", "reached"),
    [
        (schedule, {"league", "series", "club", "import"}),
        (teams, {"league", "series", "club", "import"}),
        (players, {"league", "series", "club", "import"}),
        (match_scores, {"league", "series", "club", "import"}),
        (series_stats, {"league", "series", "club", "import"}),
        (leagues, {"league"}),
    ],
)
def test_every_table_of_the_platform_says_where_its_rows_stand(table: Table, reached: set[str]) -> None:
    assert {dimension.name for dimension in DIMENSIONS if dimension.of(table) is not None} == reached


def test_a_match_stands_where_its_home_team_does(season: Connection) -> None:
    wanted: list[Any] = [dimension.of(schedule) for dimension in (LEAGUE, SERIES, CLUB)]

    assert season.execute(select(*wanted).select_from(schedule)).one() == (1, 2, 3)


def test_a_league_is_known_by_its_number_or_by_its_name(season: Connection) -> None:
    conditions: list[Any] = [LEAGUE.of(leagues) == 1, LEAGUE.holds(leagues, 1), LEAGUE.holds(leagues, 2)]

    found = [season.execute(select(leagues.c.id).where(condition)).scalars().all() for condition in conditions]

    assert found == [[1], [1], []]


def test_a_row_belongs_to_the_import_that_was_running_when_it_was_written(season: Connection) -> None:
    value: Any = IMPORT.of(schedule)
    latest = season.execute(select(import_runs.c.id).order_by(import_runs.c.id.desc())).scalars().all()

    found = season.execute(select(value).select_from(schedule)).scalar_one()

    assert found == latest[0]


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda dimension: dimension.name)
def test_a_test_for_a_value_agrees_with_the_value(season: Connection, dimension: Any) -> None:
    own = season.execute(select(dimension.of(schedule)).select_from(schedule)).scalar_one()

    agreeing = season.execute(select(schedule.c.id).where(dimension.holds(schedule, own))).all()
    other = season.execute(select(schedule.c.id).where(dimension.holds(schedule, own + 1000))).all()

    assert (len(agreeing), len(other)) == (1, 0)


def test_every_value_has_a_label(season: Connection) -> None:
    read = {dimension.name: dimension.labels for dimension in DIMENSIONS if dimension.labels is not None}
    labels: dict[str, dict[Any, str]] = {
        name: {row[0]: row[1] for row in season.execute(every)} for name, every in read.items()
    }

    assert (labels["league"][1], labels["series"][2], labels["club"][3]) == ("L", "Series 20", "Skokie")
    assert set(labels["import"].values()) == {f"import {number}" for number in labels["import"]}


def test_of_a_table_only_the_columns_that_a_rule_names_are_read(connection: Connection) -> None:
    members = Table(
        "members", MetaData(), Column("id", Integer, primary_key=True), Column("league_id", Integer),
        Column("password", Text), Column("age", Integer),
    )  # fmt: skip

    @row_check(members, severity=Severity.LOW, threshold=above(critical=percent(1)))
    def too_young(row: Row) -> ColumnElement[bool]:
        """A member is no adult."""
        return row.age < 18

    rules = Rules.assemble([(too_young, "members")])

    read = tables_read(rules, datetime(2025, 3, 1, tzinfo=UTC), lambda: nullcontext(connection))
    assert read == {members: {"id", "league_id", "age"}}
