"""Staging tables: records go in by COPY, and every later step is a statement over them.

They are temporary and die with the transaction, so nothing is left of an import that did not publish.

Statements that every publisher shares: compare, update what differs, insert what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    Connection,
    Date,
    FromClause,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    Time,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.types import TypeEngine

from etl.feeds import Kind
from etl.importing.copy_writer import Columns, Keys, columns_of, copy_columns

_metadata = MetaData()


def _either_way(one: str, other: str) -> str:
    """SQL of two values in an order of their own, so that home and away can be swapped; NULL when one is unknown."""
    ordered = f"least({one}, {other}) || '|' || greatest({one}, {other})"
    return f"case when {one} is not null and {other} is not null then {ordered} end"


# What rows are compared by. NULL compares with nothing: a side without a team, a line without players.
_HOME = "nullif(coalesce(home_player_1_id, '') || '+' || coalesce(home_player_2_id, ''), '+')"
_AWAY = _HOME.replace("home", "away")
TEAMS = Computed(_either_way("home_team_id", "away_team_id"))
PLAYERS = Computed(f"nullif(coalesce({_HOME}, '') || '|' || coalesce({_AWAY}, ''), '|')")
LINE = Computed(f"coalesce(nullif(coalesce({_HOME}, '') || '|' || coalesce({_AWAY}, ''), '|'), scores, '')")
SIDES = Computed(_either_way(_HOME, _AWAY))


def _temporary(name: str, /, **columns: TypeEngine[Any] | type[TypeEngine[Any]] | Computed) -> Table:
    parts = [
        Column(column, Text, Computed(kind.sqltext.text)) if isinstance(kind, Computed) else Column(column, kind)
        for column, kind in columns.items()
    ]
    return Table(name, _metadata, *parts, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def written(table: Table) -> list[str]:
    """Names of the columns that a statement fills; the others the server computes."""
    return [column.name for column in table.columns if column.computed is None]


standings = _temporary(
    "stage_standings",
    index=Integer, league=String, series=String, team=String, points=Numeric,
    matches_won=Integer, matches_lost=Integer, matches_tied=Integer, matches_percentage=String,
    lines_won=Integer, lines_lost=Integer, lines_for=Integer, lines_ret=Integer, lines_percentage=String,
    sets_won=Integer, sets_lost=Integer, sets_percentage=String,
    games_won=Integer, games_lost=Integer, games_percentage=String,
)  # fmt: skip

fixtures = _temporary(
    "stage_fixtures",
    index=Integer, league=String, series=String, match_date=Date, match_time=Time,
    home_team=Text, away_team=Text, location=Text, kind=String,
)  # fmt: skip

pairings = _temporary(
    "stage_pairings",
    league=String, series=String, home_team=Text, away_team=Text, rows=Integer, first=Date, last=Date,
)  # fmt: skip

links = _temporary(
    "stage_links",
    league=String, series=String, name=Text, team_id=Integer, strategy=String, confidence=Numeric, reason=Text,
    sides=Integer,
)  # fmt: skip

fixture_plan = _temporary(
    "plan_fixtures",
    index=Integer, target_id=Integer, match_date=Date, match_time=Time, home_team=Text, away_team=Text,
    home_team_id=Integer, away_team_id=Integer, location=Text, league_id=Integer, kind=String, teams=TEAMS,
)  # fmt: skip

gone_fixtures = _temporary(
    "gone_fixtures",
    id=Integer,
    match_date=Date,
    home_team_id=Integer,
    away_team_id=Integer,
    league_id=Integer,
    teams=TEAMS,
)

players = _temporary(
    "stage_players",
    index=Integer, league=String, series=String, team=Text, club=String, location_id=String, player_id=String,
    first_name=String, last_name=String, pti=Numeric, wins=Integer, losses=Integer, win_percentage=Numeric,
    captain_status=String,
)  # fmt: skip

player_homes = _temporary(
    "stage_player_homes", league=String, series=String, club=String, series_id=Integer, club_id=Integer
)

player_plan = _temporary(
    "plan_players",
    index=Integer, target_id=Integer, tenniscores_player_id=String, league_id=Integer, series_id=Integer,
    club_id=Integer, team_id=Integer, first_name=String, last_name=String, pti=Numeric, wins=Integer, losses=Integer,
    win_percentage=Numeric, captain_status=String,
)  # fmt: skip

gone_players = _temporary("gone_players", id=Integer, tenniscores_player_id=String, league_id=Integer)

matches = _temporary(
    "stage_matches",
    index=Integer, league=String, series=String, source_match_id=String, line=String, match_date=Date,
    home_team=Text, away_team=Text, home_player_1=Text, home_player_2=Text, away_player_1=Text, away_player_2=Text,
    scores=Text, winner=String, outcome=String,
)  # fmt: skip

meetings = _temporary(
    "stage_meetings",
    league=String, series=String, match_date=Date, home_team=Text, away_team=Text, home_team_id=Integer,
    away_team_id=Integer,
)  # fmt: skip

match_plan = _temporary(
    "plan_matches",
    index=Integer, target_id=Integer, league_id=Integer, match_date=Date, home_team=Text, away_team=Text,
    home_team_id=Integer, away_team_id=Integer, home_player_1_id=Text, home_player_2_id=Text, away_player_1_id=Text,
    away_player_2_id=Text, scores=Text, winner=String, players=PLAYERS, line=LINE, sides=SIDES, teams=TEAMS,
)  # fmt: skip

gone_matches = _temporary(
    "gone_matches",
    id=Integer, league_id=Integer, match_date=Date, home_team=Text, away_team=Text, home_team_id=Integer,
    away_team_id=Integer, home_player_1_id=Text, home_player_2_id=Text, away_player_1_id=Text, away_player_2_id=Text,
    scores=Text, players=PLAYERS, line=LINE, sides=SIDES, teams=TEAMS,
)  # fmt: skip

standing_links = _temporary(
    "stage_standing_links", league=String, series=String, team=String, series_id=Integer, team_id=Integer
)

standing_plan = _temporary(
    "plan_standings",
    target_id=Integer, league_id=Integer, series_id=Integer, team_id=Integer,
    **{column.name: column.type for column in standings.columns if column.name != "league"},
)  # fmt: skip

STAGES = {
    Kind.SERIES_STATS: standings,
    Kind.PLAYERS: players,
    Kind.SCHEDULES: fixtures,
    Kind.MATCH_HISTORY: matches,
}

FIXTURE_KEY = ("match_date", "home_team", "away_team", "league")
"""What tells one fixture of a feed from another."""

KEYS = {Kind.SCHEDULES: FIXTURE_KEY}
"""What is asked, while a feed is read, to come once."""


def create_staging(connection: Connection, *tables: Table) -> None:
    """Create temporary tables for the rest of the transaction."""
    _metadata.create_all(connection, tables=tables, checkfirst=False)


def load_rows(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    """COPY rows, in the order of the table's columns, into it, and let the planner know; returns how many."""
    return load_columns(connection, table, columns_of(rows))


def load_columns(connection: Connection, table: Table, batches: Iterable[Columns], *, keys: Keys | None = None) -> int:
    """The same for rows that come in batches, column by column."""
    count = copy_columns(connection, table, batches, keys=keys)
    analyze(connection, table)
    return count


def analyze(connection: Connection, table: Table) -> None:
    """Let the planner know what a temporary table holds; autovacuum never sees it."""
    connection.execute(text(f"analyze {table.name}"))


@contextmanager
def joining_by_hash(connection: Connection) -> Iterator[None]:
    """Let a statement join whole feeds by hash, in up to 128 MB of the server's memory.

    The planner takes the columns of a key for independent, expects one row where there will be a million, and would
    look up each by itself.
    """
    connection.execute(text("set local enable_nestloop = off; set local work_mem = '64MB'"))
    yield
    connection.execute(text("set local enable_nestloop to default; set local work_mem to default"))


def differs(old: FromClause, new: FromClause, columns: Sequence[str]) -> ColumnElement[bool]:
    """Whether any of the columns differs, NULL being a value like any other."""
    return or_(*(old.c[name].is_distinct_from(new.c[name]) for name in columns))


def same_key(old: FromClause, new: FromClause, columns: Sequence[str]) -> ColumnElement[bool]:
    """Whether all of the columns are equal; NULL equals nothing."""
    return and_(*(old.c[name] == new.c[name] for name in columns))


def update_planned(connection: Connection, target: Table, plan: FromClause, columns: Sequence[str]) -> int:
    """Write the planned values over the rows that the plan names in `target_id`; returns how many."""
    values = {name: plan.c[name] for name in columns}
    return connection.execute(update(target).where(target.c.id == plan.c.target_id).values(values)).rowcount


def insert_planned(
    connection: Connection, target: Table, plan: FromClause, columns: Sequence[str], order: Sequence[str]
) -> int:
    """Insert the planned rows that replace none and return how many; sorted, for unsorted writers deadlock."""
    new = select(*(plan.c[name] for name in columns)).where(plan.c.target_id.is_(None))
    rows = new.order_by(*(plan.c[name] for name in order))
    # without the option, rowcount of an INSERT is -1
    statement = insert(target).from_select(list(columns), rows).execution_options(preserve_rowcount=True)
    return connection.execute(statement).rowcount


def drop_unchanged(connection: Connection, target: Table, plan: Table, columns: Sequence[str]) -> int:
    """Take out of the plan what stands in its target row as it is; returns how many rows."""
    same = (plan.c.target_id == target.c.id) & ~differs(target, plan, columns)
    return connection.execute(delete(plan).where(same)).rowcount


def withdraw(connection: Connection, target: Table, gone: Table, *, prune: bool) -> int:
    """How many rows the feed has given up, by their ids in `gone`; with `prune` they are deleted."""
    if prune:
        return connection.execute(delete(target).where(target.c.id == gone.c.id)).rowcount
    return int(connection.execute(select(func.count()).select_from(gone)).scalar_one())
