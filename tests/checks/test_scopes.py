"""Rally's dimensions: how a row of each table says its league, series, club and import."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Connection, Integer, MetaData, Table, Text, cast, func, select

from checks import Row, Severity, above, percent, row_check
from checks.engine.collecting.rules import Rules
from checks.engine.measuring.scope import Dimension, reach
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
    assert {dimension.name for dimension in DIMENSIONS if dimension.way(table) is not None} == reached


def standing(season: Connection, table: Table, *dimensions: Dimension) -> list[tuple[Any, ...]]:
    """The values of the dimensions of each row of a table, in the order of its ids."""
    joined, reached = reach(table, dimensions)
    values = [value for _, value in reached]
    return [tuple(row) for row in season.execute(select(*values).select_from(joined).order_by(table.c.id))]


def test_a_match_stands_where_its_home_team_does(season: Connection) -> None:
    assert standing(season, schedule, LEAGUE, SERIES, CLUB) == [(1, 2, 3)]


def test_a_league_is_known_by_its_number_or_by_its_name(season: Connection) -> None:
    conditions: list[Any] = [LEAGUE.holds(leagues, 1), LEAGUE.holds(leagues, 2)]

    found = [season.execute(select(leagues.c.id).where(condition)).scalars().all() for condition in conditions]

    assert found == [[1], []]
    assert standing(season, leagues, LEAGUE) == [(1,)]


def test_a_row_belongs_to_the_import_that_was_running_when_it_was_written(season: Connection) -> None:
    latest = season.execute(select(import_runs.c.id).order_by(import_runs.c.id.desc())).scalars().all()

    assert standing(season, schedule, IMPORT) == [(latest[0],)]


def test_imports_are_told_by_their_starts_whatever_their_order(season: Connection) -> None:
    """A row that was written before all imports has none; of two that started at once the newer counts."""
    base, runs = MONDAY - timedelta(days=4), []
    for hour in (10, 30, 30, 50):
        run = {"started_at": base + timedelta(hours=hour), "outcome": "published", "paths": []}
        runs.append(season.execute(import_runs.insert().values(run).returning(import_runs.c.id)).scalar_one())
    match = {"match_date": MONDAY.date(), "home_team": "Skokie - 20", "home_team_id": 7, "league_id": 1}
    wrote = {"before": 9, "first": 10, "second": 30, "last": 51, "never": None}
    for name, when in wrote.items():
        written = None if when is None else base + timedelta(hours=when)
        season.execute(schedule.insert(), [{**match, "away_team": name, "created_at": written}])

    assert standing(season, schedule, IMPORT)[1:] == [(None,), (runs[0],), (runs[2],), (runs[3],), (None,)]
    at = cast(schedule.c.created_at, Text).label("created_at")
    told = select(schedule.c.away_team.label("name"), at).where(schedule.c.away_team != "BYE").subquery("told")
    conditions: list[Any] = [IMPORT.holds(told, run) for run in runs]
    names = [season.scalars(select(told.c.name).where(condition)).all() for condition in conditions]
    assert names == [["first"], [], ["second"], ["last"]]


def test_what_a_value_is_looked_up_in_is_joined_once_and_adds_no_row(season: Connection) -> None:
    joined, reached = reach(schedule, DIMENSIONS)

    assert len(reached) == 4
    assert str(joined).count("JOIN") == 1
    assert season.execute(select(func.count()).select_from(joined)).scalar_one() == 1


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda dimension: dimension.name)
def test_a_test_for_a_value_agrees_with_the_value(season: Connection, dimension: Any) -> None:
    ((own,),) = standing(season, schedule, dimension)

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
