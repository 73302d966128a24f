"""Which fixtures a feed names, and which rows of `schedule` they are: one fixture stays one row.

There are thousands of matchups, two teams in a series, where there may be a million rows: what the rows say of names,
leagues and days is asked of their matchups, so that it costs one scan. A fixture is followed under a second spelling,
after its teams were renamed, on a new date; only planned rows that would be new are looked at, and rows of `schedule`
that the feed no longer has. An unchanged feed has neither, and costs one anti-join.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from etl.importing import staging
from etl.importing.link import is_link_of, names_of_sides
from etl.importing.provenance import keep_ours
from etl.importing.seasons import Season, in_seasons
from etl.importing.staging import copied, ids, name_links, pair, same_key, swappable, temporary, texts
from etl.tables import leagues, schedule, teams

SIDES = ("home_team", "away_team")
TEAM_COLUMNS = ("home_team_id", "away_team_id", "league_id")
FIXTURE_LIKENESSES: tuple[tuple[tuple[str, ...], bool], ...] = (
    (("match_date", *TEAM_COLUMNS), False),
    (("match_date", "teams"), False),
    (TEAM_COLUMNS, True),
    (("match_date", "away_team_id"), True),
    (("match_date", "home_team_id"), True),
)
"""Columns to pair by, and whether only single rows are paired."""
EITHER_TEAM = swappable("home_team_id", "away_team_id")

matchups = temporary(
    "stage_matchups",
    *texts("league", "series", *SIDES), *ids("rows"), sa.Column("first", sa.Date), sa.Column("last", sa.Date),
)  # fmt: skip
fixture_plan = temporary(
    "plan_fixtures",
    *ids("index", "target_id"), *copied(schedule, "match_date", "match_time", *TEAM_COLUMNS, *SIDES, "location"),
    *texts("kind"),
    teams=EITHER_TEAM,
)  # fmt: skip
doubles = temporary("stage_doubles", *ids("index"))
"""Staged fixtures of teams that meet twice on one day: they are told apart by their times."""
gone_fixtures = temporary(
    "gone_fixtures", *copied(schedule, "id", "match_date", *SIDES, *TEAM_COLUMNS), teams=EITHER_TEAM
)


def stage_matchups(connection: sa.Connection, staged: sa.Table) -> None:
    """Stage each matchup of staged fixtures with how many rows it has, and its first and last day."""
    key = tuple(staged.c[name] for name in ("league", "series", *SIDES))
    figures = (sa.func.count(), sa.func.min(staged.c.match_date), sa.func.max(staged.c.match_date))
    staging.create_staging(connection, matchups)
    connection.execute(
        sa.insert(matchups).from_select(matchups.columns.keys(), sa.select(*key, *figures).group_by(*key))
    )
    staging.analyze(connection, matchups)


def rows_staged(connection: sa.Connection) -> int:
    """How many fixtures are staged, by their matchups, of which there are few."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(matchups.c.rows), 0))).scalar_one())


def matchup_names() -> sa.Select[Any]:
    """The distinct names as (league, series, name, sides)."""
    return names_of_sides(matchups, *SIDES, rows=sa.func.sum(matchups.c.rows))


def resolved_matchups() -> sa.FromClause:
    """Each matchup with the ids that its names stand for; a practice has the league of its team."""
    home, away = name_links.alias("home"), name_links.alias("away")
    source = (
        matchups.outerjoin(home, is_link_of(home, matchups, "home_team"))
        .outerjoin(away, is_link_of(away, matchups, "away_team"))
        .outerjoin(leagues, leagues.c.league_id == matchups.c.league)
        .outerjoin(teams, sa.and_(teams.c.id == home.c.team_id, matchups.c.league.is_(None)))
    )
    ids = (
        home.c.team_id.label("home_team_id"),
        away.c.team_id.label("away_team_id"),
        sa.func.coalesce(leagues.c.id, teams.c.league_id).label("league_id"),
    )
    found = sa.select(*matchups.c["league", "series", *SIDES], *ids).select_from(source)
    # else the planner may look up the names of each staged row
    return found.cte("matchup").prefix_with("MATERIALIZED")


def is_matchup_of(matchup: sa.FromClause, staged: sa.FromClause) -> sa.ColumnElement[bool]:
    """The join condition of a matchup with its staged rows; equalities only, so that it can be hashed."""
    homes = (
        sa.func.coalesce(matchup.c[name], "") == sa.func.coalesce(staged.c[name], "") for name in ("league", "series")
    )
    return sa.and_(same_key(matchup, staged, SIDES), *homes)


def spans() -> sa.Subquery:
    """First and last day of the feed in each of its leagues."""
    days = matchups.c
    return (
        sa.select(leagues.c.id, sa.func.min(days.first).label("first"), sa.func.max(days.last).label("last"))
        .join(leagues, leagues.c.league_id == days.league)
        .group_by(leagues.c.id)
        .subquery("span")
    )


def find_gone(
    connection: sa.Connection, staged: sa.Table, seasons: Sequence[Season], *, matched: int, nothing: bool
) -> bool:
    """Stage the rows of the feed's leagues and seasons, between its first and last date, that the feed does not have;
    returns whether there are any, which planned rows may replace from then on.

    `matched` is how many rows of the feed are in `schedule`. With `nothing` the stage stays empty, as it has to for a
    feed that holds some rows of a whole.
    """
    gone = gone_fixtures
    staging.create_staging(connection, gone)
    span = spans()
    if nothing or _all_known(connection, span, matched):
        return False
    _stage_gone(connection, staged, span, in_seasons(schedule.c.match_date, seasons))
    if connection.execute(sa.select(gone.c.id).limit(1)).first() is None:
        return False
    _match_trimmed(connection)
    keep_ours(connection, schedule, gone)
    return True


def _match_trimmed(connection: sa.Connection) -> None:
    """Let planned rows replace those with the same names but for spaces around them: the platform's loader trims."""
    plan, gone = fixture_plan, gone_fixtures
    names = (sa.func.btrim(plan.c[side]) == sa.func.btrim(gone.c[side]) for side in SIDES)
    same = sa.and_(same_key(gone, plan, ("match_date", "league_id")), *names, _new(plan))
    found = sa.select(gone.c.id, plan.c.index).where(same).distinct(gone.c.id).order_by(gone.c.id, plan.c.index)
    known = found.subquery("known")
    connection.execute(sa.update(plan).where(plan.c.index == known.c.index).values(target_id=known.c.id))
    connection.execute(sa.delete(gone).where(sa.exists().where(plan.c.target_id == gone.c.id)))


def _stage_gone(
    connection: sa.Connection, staged: sa.Table, span: sa.Subquery, of_season: sa.ColumnElement[bool]
) -> None:
    gone = gone_fixtures
    named = same_key(schedule, staged, ("match_date", "home_team", "away_team"))
    named &= sa.func.coalesce(staged.c.league, leagues.c.league_id) == leagues.c.league_id  # a practice may not tell it
    columns = gone.columns.keys()
    rows = (
        sa.select(*(schedule.c[name] for name in columns))
        .join(span, _within(span))
        .join(leagues, leagues.c.id == schedule.c.league_id)
        .where(~sa.exists().where(named), of_season)
    )
    connection.execute(sa.insert(gone).from_select(columns, rows))
    staging.analyze(connection, gone)


def _within(span: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(span.c.id == schedule.c.league_id, schedule.c.match_date.between(span.c.first, span.c.last))


def _all_known(connection: sa.Connection, span: sa.Subquery, known: int) -> bool:
    """Whether the feed has every row of its span, by counts alone, which is all that an unchanged feed costs.

    Rows of a feed differ in date, names or league, so each that is known has a row of `schedule` to itself; that is
    certain only while every league is named.
    """
    untold = sa.exists().where(matchups.c.league.is_(None)) | sa.exists().where(schedule.c.league_id.is_(None))
    there = sa.select(sa.func.count()).select_from(schedule).join(span, _within(span)).scalar_subquery()
    return bool(connection.execute(sa.select(~untold & (there == known))).scalar_one())


def drop_second_names(connection: sa.Connection) -> int:
    """Delete planned rows that name a fixture which the feed names already; returns how many went.

    The other naming is a later row of the plan, or a row of `schedule` that the feed still has. Two statements: an OR
    of two EXISTS would be looked up row by row.
    """
    plan, gone = fixture_plan, gone_fixtures
    columns = [plan.c[name] for name in ("match_date", *TEAM_COLUMNS)]
    several = (
        sa.select(*columns, sa.func.max(plan.c.index).label("last"))
        .group_by(*columns)
        .having(sa.func.count() > 1)
        .subquery()
    )
    named_later = _same_fixture(several, plan) & (several.c.last != plan.c.index)
    single = ~is_double(plan)
    named_still = single & sa.exists().where(
        _same_fixture(schedule, plan), ~sa.exists().where(gone.c.id == schedule.c.id)
    )
    went = 0
    if _team_with_names(connection):  # else there are no two names for one fixture, and a million rows to group
        went = connection.execute(sa.delete(plan).where(_new(plan), single, named_later)).rowcount
    return went + connection.execute(sa.delete(plan).where(_new(plan), named_still)).rowcount


def _team_with_names(connection: sa.Connection) -> bool:
    """Whether a team of the feed has several names in it."""
    team = name_links.c.team_id
    statement = sa.select(team).where(team.is_not(None)).group_by(team).having(sa.func.count() > 1).limit(1)
    return connection.execute(statement).first() is not None


def follow(connection: sa.Connection) -> None:
    """Let planned rows replace what they rename, turn round, move to another day or give another opponent."""
    for keys, only in FIXTURE_LIKENESSES:
        pair(connection, fixture_plan, gone_fixtures, keys, only=only)


def is_double(fixture: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a staged or planned fixture is one of several of its teams on its day."""
    return sa.exists().where(doubles.c.index == fixture.c.index)


def _new(plan: sa.FromClause) -> sa.ColumnElement[bool]:
    return plan.c.target_id.is_(None)


def _same_fixture(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return same_key(one, other, ("match_date", *TEAM_COLUMNS))
