"""Words that several rules share: which rows of the schedule are matches, and how rows are named to people.

No rules stand here, but the fixtures that say where in the year a run looks. Names of people are never keys: a player
is known by id, a match by date and teams. The league, series and club that a key names are also what bad rows are
grouped by, and what `--league` narrows by.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, exists, func, select

from checks import Row, fixture
from etl.tables import (
    BYE,
    PRACTICE,
    clubs,
    import_feeds,
    leagues,
    match_scores,
    players,
    schedule,
    series,
    series_stats,
    teams,
)

PUBLISHED = "published"
SUCCESS = (PUBLISHED, "unchanged")
"""How an import ends well; the second read a feed that had not changed since it was published."""
PLACES = ("league_id", "series_id", "club_id", "home_team_id", "away_team_id", "team_id", "created_at")
"""Columns that tell where a row stands."""


def is_practice(row: Row) -> ColumnElement[bool]:
    """A practice time that a captain added to the schedule."""
    return func.strpos(func.coalesce(row.home_team, ""), PRACTICE) > 0


def is_match(row: Row) -> ColumnElement[bool]:
    """A row of the schedule in which two teams meet: no practice time and no BYE."""
    home, away = func.coalesce(row.home_team, ""), func.coalesce(row.away_team, "")
    return ~is_practice(row) & ~func.starts_with(home, BYE) & ~func.starts_with(away, BYE)


def in_use(row: Row) -> ColumnElement[bool]:
    """A team that has not been retired."""
    return row.is_active.is_not(False)


def leads_nowhere(reference: ColumnElement[Any], parents: Table) -> ColumnElement[bool]:
    """A reference to a row that does not exist; NULL refers to nothing and is not meant."""
    # an alias: the statement around it may have joined the same table, and would be mistaken for it
    there = parents.alias()
    return reference.is_not(None) & ~exists().where(there.c.id == reference)


def rows_of(table: Table) -> Select[Any]:
    """The rows of a table by where they stand, to be narrowed: those among which bad ones are counted."""
    return select(*(table.c[name] for name in PLACES if name in table.c))


def team_keys() -> Select[Any]:
    """Teams by league, series, club and name, to be narrowed by a rule; what is missing or broken is empty."""
    return (
        select(_league, _series, _club, teams.c.team_name)
        .select_from(teams)
        .outerjoin(leagues, leagues.c.id == teams.c.league_id)
        .outerjoin(series, series.c.id == teams.c.series_id)
        .outerjoin(clubs, clubs.c.id == teams.c.club_id)
    )


def player_keys() -> Select[Any]:
    """Players by id, league, club and series, to be narrowed by a rule."""
    return (
        select(players.c.tenniscores_player_id, _league, _club, _series)
        .select_from(players)
        .outerjoin(leagues, leagues.c.id == players.c.league_id)
        .outerjoin(clubs, clubs.c.id == players.c.club_id)
        .outerjoin(series, series.c.id == players.c.series_id)
    )


def match_keys() -> Select[Any]:
    """Rows of the schedule by league, series, date and names, to be narrowed by a rule."""
    return _meetings(schedule, schedule.c.match_date, schedule.c.home_team, schedule.c.away_team)


def result_keys() -> Select[Any]:
    """Results by league, series, date, teams and id, to be narrowed by a rule."""
    row = match_scores.c
    return _meetings(match_scores, row.match_date, row.home_team, row.away_team, row.id)


def standing_keys() -> Select[Any]:
    """Rows of the standings by league, series and team, to be narrowed by a rule."""
    row = series_stats.c
    return (
        select(_league, row.series, row.team, row.id)
        .select_from(series_stats)
        .outerjoin(leagues, leagues.c.id == row.league_id)
    )


def feeds_of() -> Select[Any]:
    """Feeds by kind and league, one row each however often they were imported."""
    feed = import_feeds.c
    return select(feed.kind, feed.league).group_by(feed.kind, feed.league)


def latest_feeds() -> Select[Any]:
    """The latest publication of each feed: kind and league."""
    feed, newest = import_feeds.c, import_feeds.alias("newest").c
    ids = select(func.max(newest.id)).where(newest.outcome == PUBLISHED).group_by(newest.kind, newest.league)
    figures = (feed.rows, feed.records, feed.rejects, feed.linked, feed.unlinked)
    return select(feed.id, feed.kind, feed.league, feed.finished_at, feed.drift, *figures).where(feed.id.in_(ids))


def _meetings(table: Table, *names: ColumnElement[Any]) -> Select[Any]:
    """Rows with two sides; their series is that of the home team."""
    host = teams.alias("host")
    return (
        select(_league, _series, *names)
        .select_from(table)
        .outerjoin(leagues, leagues.c.id == table.c.league_id)
        .outerjoin(host, host.c.id == table.c.home_team_id)
        .outerjoin(series, series.c.id == host.c.series_id)
    )


_league = leagues.c.league_id.label("league")
_series = series.c.name.label("series")
_club = clubs.c.name.label("club")


@fixture
def season_start(today: date) -> date:
    """First of September on or before `today`; what is played in summer belongs to the season before it."""
    return date(today.year if today.month >= 9 else today.year - 1, 9, 1)
