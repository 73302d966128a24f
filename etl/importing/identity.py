"""Pairs what is new in a feed with what vanished from it, so that one real thing stays one row.

A planned row without a target is new; a stored row that no planned row has taken is left over. Each pass compares them
by some columns, the surest first. NULL equals nothing.

One fixture stays one row: under a second spelling, after its teams were renamed, on a new date.

All of it looks only at planned rows that would be new, and at rows of `schedule` that the feed no longer has; an
unchanged feed has neither, and costs one anti-join.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from etl.importing import link, staging
from etl.importing.staging import same_key
from etl.tables import leagues, schedule


def pair(connection: sa.Connection, plan: sa.Table, left: sa.Table, keys: Sequence[str], *, only: bool = False) -> None:
    """Let planned rows replace leftovers with the same keys: the first the first, the second the second, and so on.

    With `only`, a row is paired where it is the only one of its keys on either side.
    """
    if connection.execute(sa.select(left.c.id).limit(1)).first() is None:
        return
    new = _numbered(plan, plan.c.index, keys, plan.c.target_id.is_(None))
    old = _numbered(left, left.c.id, keys, left.c.id.is_not(None))
    same = sa.and_(*(new.c[key] == old.c[key] for key in keys), new.c.nth == old.c.nth, new.c.row == plan.c.index)
    if only:
        same &= (new.c.many == 1) & (old.c.many == 1)
    connection.execute(sa.update(plan).where(same).values(target_id=old.c.row))
    connection.execute(sa.delete(left).where(sa.exists().where(plan.c.target_id == left.c.id)))


def _numbered(
    table: sa.Table, row: sa.ColumnElement[int], keys: Sequence[str], where: sa.ColumnElement[bool]
) -> sa.Subquery:
    columns = [table.c[key] for key in keys]
    nth = sa.func.row_number().over(partition_by=columns, order_by=row).label("nth")
    many = sa.func.count().over(partition_by=columns).label("many")
    known = sa.and_(where, *(column.is_not(None) for column in columns))
    return sa.select(*columns, row.label("row"), nth, many).where(known).subquery()


TEAMS = ("home_team_id", "away_team_id", "league_id")
PASSES: tuple[tuple[tuple[str, ...], bool], ...] = (
    (("match_date", *TEAMS), False),
    (("match_date", "teams"), False),
    (TEAMS, True),
    (("match_date", "away_team_id"), True),
    (("match_date", "home_team_id"), True),
)
"""Columns to pair by, and whether only single rows are paired."""


def find_gone(connection: sa.Connection, *, known: int, nothing: bool) -> None:
    """Stage the rows of the feed's leagues, between its first and last date, that the feed does not have.

    `known` is how many rows of the feed are in `schedule`. With `nothing` the stage stays empty, as it has to for a
    feed that holds some rows of a whole.
    """
    staged, gone = staging.fixtures, staging.gone_fixtures
    staging.create_staging(connection, gone)
    span = link.spans()
    if nothing or _all_known(connection, span, known):
        return
    named = same_key(schedule, staged, ("match_date", "home_team", "away_team"))
    named &= sa.func.coalesce(staged.c.league, leagues.c.league_id) == leagues.c.league_id  # a practice may not tell it
    columns = staging.written(gone)
    rows = (
        sa.select(*(schedule.c[name] for name in columns))
        .join(span, _within(span))
        .join(leagues, leagues.c.id == schedule.c.league_id)
        .where(~sa.exists().where(named))
    )
    connection.execute(sa.insert(gone).from_select(columns, rows))
    staging.analyze(connection, gone)


def _within(span: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(span.c.id == schedule.c.league_id, schedule.c.match_date.between(span.c.first, span.c.last))


def _all_known(connection: sa.Connection, span: sa.Subquery, known: int) -> bool:
    """Whether the feed has every row of its span, by counts alone, which is all that an unchanged feed costs.

    Rows of a feed differ in date, names or league, so each that is known has a row of `schedule` to itself; that is
    certain only while every league is told.
    """
    untold = sa.exists().where(staging.pairings.c.league.is_(None)) | sa.exists().where(schedule.c.league_id.is_(None))
    there = sa.select(sa.func.count()).select_from(schedule).join(span, _within(span)).scalar_subquery()
    return bool(connection.execute(sa.select(~untold & (there == known))).scalar_one())


def drop_second_names(connection: sa.Connection) -> int:
    """Delete planned rows that name a fixture which the feed names already; returns how many went.

    The other naming is a later row of the plan, or a row of `schedule` that the feed still has. Two statements: an OR
    of two EXISTS would be looked up row by row.
    """
    plan, gone = staging.fixture_plan, staging.gone_fixtures
    columns = [plan.c[name] for name in ("match_date", *TEAMS)]
    several = (
        sa.select(*columns, sa.func.max(plan.c.index).label("last"))
        .group_by(*columns)
        .having(sa.func.count() > 1)
        .subquery()
    )
    named_later = _same_fixture(several, plan) & (several.c.last != plan.c.index)
    named_still = sa.exists().where(_same_fixture(schedule, plan), ~sa.exists().where(gone.c.id == schedule.c.id))
    went = 0
    if _team_with_names(connection):  # else there are no two names for one fixture, and a million rows to group
        went = connection.execute(sa.delete(plan).where(_new(plan), named_later)).rowcount
    return went + connection.execute(sa.delete(plan).where(_new(plan), named_still)).rowcount


def _team_with_names(connection: sa.Connection) -> bool:
    """Whether a team of the feed has several names in it."""
    team = staging.links.c.team_id
    statement = sa.select(team).where(team.is_not(None)).group_by(team).having(sa.func.count() > 1).limit(1)
    return connection.execute(statement).first() is not None


def follow(connection: sa.Connection) -> None:
    """Let planned rows replace what they rename, turn round, move to another day or give another opponent."""
    for keys, only in PASSES:
        pair(connection, staging.fixture_plan, staging.gone_fixtures, keys, only=only)


def _new(plan: sa.FromClause) -> sa.ColumnElement[bool]:
    return plan.c.target_id.is_(None)


def _same_fixture(one: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    return same_key(one, other, ("match_date", *TEAMS))
