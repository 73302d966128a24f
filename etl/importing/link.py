"""The distinct pairings of staged fixtures: there are thousands of them where there may be a million rows.

What the rows say of names, leagues and days is asked of their pairings, so that it costs one scan.

Links the team names of staged rows to teams: each distinct name once, in its league and series.

Which two teams met, for every distinct meeting of staged matches.

Names are resolved first. Where a match does not tell its series and a club plays in several, the schedule decides: the
one fixture of that day between teams of these names, whichever of them it calls the home team.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from etl.importing import staging
from etl.importing.ledger import Intake
from etl.importing.staging import same_key
from etl.names import Alias, Link, Meeting, Meetings, Team
from etl.names.resolver import Resolver
from etl.tables import BYE, leagues, links, schedule, series, team_aliases, teams

SIDES = ("home_team", "away_team")


def stage_pairings(connection: sa.Connection) -> None:
    """Stage each pairing with how many rows it has, and its first and last day."""
    staged, pairings = staging.fixtures.c, staging.pairings
    key = (staged.league, staged.series, staged.home_team, staged.away_team)
    figures = (sa.func.count(), sa.func.min(staged.match_date), sa.func.max(staged.match_date))
    staging.create_staging(connection, pairings)
    connection.execute(
        sa.insert(pairings).from_select(staging.written(pairings), sa.select(*key, *figures).group_by(*key))
    )
    staging.analyze(connection, pairings)


def names() -> sa.Select[Any]:
    """The distinct names as (league, series, name, sides)."""
    return names_of_sides(staging.pairings, *SIDES, rows=sa.func.sum(staging.pairings.c.rows))


def resolved() -> sa.FromClause:
    """Each pairing with the ids that its names stand for; a practice has the league of its team."""
    pairings, home, away = staging.pairings, staging.links.alias("home"), staging.links.alias("away")
    source = (
        pairings.outerjoin(home, is_link_of(home, pairings, "home_team"))
        .outerjoin(away, is_link_of(away, pairings, "away_team"))
        .outerjoin(leagues, leagues.c.league_id == pairings.c.league)
        .outerjoin(teams, sa.and_(teams.c.id == home.c.team_id, pairings.c.league.is_(None)))
    )
    ids = (
        home.c.team_id.label("home_team_id"),
        away.c.team_id.label("away_team_id"),
        sa.func.coalesce(leagues.c.id, teams.c.league_id).label("league_id"),
    )
    found = sa.select(*pairings.c["league", "series", *SIDES], *ids).select_from(source)
    # else the planner may look up the names of each staged row
    return found.cte("pairing").prefix_with("MATERIALIZED")


def is_pairing_of(pairing: sa.FromClause, staged: sa.FromClause) -> sa.ColumnElement[bool]:
    """The join condition of a pairing with its staged rows; equalities only, so that it can be hashed."""
    homes = (
        sa.func.coalesce(pairing.c[name], "") == sa.func.coalesce(staged.c[name], "") for name in ("league", "series")
    )
    return sa.and_(same_key(pairing, staged, SIDES), *homes)


def spans() -> sa.Subquery:
    """First and last day of the feed in each of its leagues."""
    pairings = staging.pairings.c
    return (
        sa.select(leagues.c.id, sa.func.min(pairings.first).label("first"), sa.func.max(pairings.last).label("last"))
        .join(leagues, leagues.c.league_id == pairings.league)
        .group_by(leagues.c.id)
        .subquery("span")
    )


def resolver(connection: sa.Connection) -> Resolver:
    """A resolver that knows every team and every confirmed alias of the database."""
    known = (
        sa.select(teams.c.id, leagues.c.league_id.label("league"), series.c.name.label("series"), teams.c.team_name)
        .join(leagues, leagues.c.id == teams.c.league_id)
        .join(series, series.c.id == teams.c.series_id)
        .order_by(teams.c.id)
    )
    aliases = sa.select(*team_aliases.c["league", "series", "name", "team_id"]).order_by(team_aliases.c.id)
    return Resolver(
        [Team(*row) for row in connection.execute(known)],
        [Alias(row.league, row.series or None, row.name, row.team_id) for row in connection.execute(aliases)],
    )


Key = tuple[str, str, str]
"""League, series ("" where unknown) and name."""


def link_names(connection: sa.Connection, names: sa.Select[Any], intake: Intake) -> Mapping[Key, Link]:
    """Resolve names, given as (league, series, name, sides), into `stage.links`, and keep how each was found.

    Returns what stayed open.
    """
    known = resolver(connection)
    homes = connection.scalars(sa.select(leagues.c.league_id).order_by(leagues.c.id)).all()
    links_by_name: dict[Key, Link] = {}
    rows: list[tuple[object, ...]] = []
    for league, in_series, name, sides in connection.execute(names):
        link = known.resolve(league, in_series, name) if league else anywhere(known, homes, in_series, name)
        key = league or "", in_series or "", name
        links_by_name[key] = link
        rows.append((*key, link.team_id, link.strategy, link.confidence, link.reason, sides))
    staging.create_staging(connection, staging.links)
    staging.load_rows(connection, staging.links, rows)
    open_names = {key: link for key, link in links_by_name.items() if link.team_id is None}
    intake.newly_unlinked = _newly_unlinked(connection, open_names)
    _remember(connection, intake.feed_id)
    return open_names


def anywhere(known: Resolver, homes: Sequence[str], in_series: str | None, name: str) -> Link:
    """The link of a name whose league the feed does not tell: the only one that any league has."""
    answers = [known.resolve(league, in_series, name) for league in homes]
    links = [link for link in answers if link.team_id is not None]
    return links[0] if len(links) == 1 else known.resolve(None, in_series, name)


def names_of_sides(table: sa.Table, *sides: str, rows: sa.ColumnElement[int] | None = None) -> sa.Select[Any]:
    """The distinct names in the columns `sides` of a staging table, with how often each occurs; empty ones left out.

    `rows` is the aggregate that counts rows, where one of the table stands for several.
    """
    count = sa.func.count() if rows is None else rows
    home = (table.c.league, table.c.series)
    together = sa.select(*home, *(table.c[side] for side in sides), count.label("sides"))  # one scan for all sides
    grouped = together.group_by(*home, *(table.c[side] for side in sides)).cte("grouped")
    every = sa.union_all(
        *(
            sa.select(grouped.c.league, grouped.c.series, grouped.c[side].label("name"), grouped.c.sides)
            for side in sides
        )
    ).subquery()
    return (
        sa.select(every.c.league, every.c.series, every.c.name, sa.func.sum(every.c.sides).cast(sa.Integer))
        .where(every.c.name != "", ~every.c.name.startswith(BYE))
        .group_by(every.c.league, every.c.series, every.c.name)
    )


def is_link_of(link: sa.FromClause, table: sa.Table, side: str) -> sa.ColumnElement[bool]:
    """The join condition of a link with one side of a staged row; equalities only, so that it can be hashed."""
    return (
        (link.c.name == table.c[side])
        & (link.c.league == sa.func.coalesce(table.c.league, ""))
        & (link.c.series == sa.func.coalesce(table.c.series, ""))
    )


def sides_linked(connection: sa.Connection) -> tuple[int, int]:
    """How many sides of staged rows have a team, and how many have none."""
    sides = staging.links.c.sides
    found = staging.links.c.team_id.is_not(None)
    row = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(sides).filter(found), 0),
            sa.func.coalesce(sa.func.sum(sides).filter(~found), 0),
        )
    ).one()
    return int(row[0]), int(row[1])


def _newly_unlinked(connection: sa.Connection, open_names: Mapping[Key, Link]) -> int:
    """Sides whose name had a team when it was last seen, or was never seen and can mean no team at all."""
    staged = staging.links.c
    same = sa.and_(*(links.c[name] == staged[name] for name in ("league", "series", "name")))
    rows = connection.execute(
        sa.select(staged.league, staged.series, staged.name, staged.sides, links.c.id, links.c.team_id)
        .outerjoin_from(staging.links, links, same)
        .where(staged.team_id.is_(None))
    )
    lost = (row.sides for row in rows if row.team_id is not None or _means_nothing(row, open_names))
    return sum(lost)


def _means_nothing(row: sa.Row[Any], open_names: Mapping[Key, Link]) -> bool:
    return row.id is None and not open_names[row.league, row.series, row.name].candidates


def _remember(connection: sa.Connection, feed_id: int) -> None:
    staged = staging.links.c
    rows = sa.select(
        staged.league, staged.series, staged.name, staged.team_id, staged.strategy, staged.confidence, staged.reason,
        sa.literal(feed_id), staged.sides,
    ).order_by(staged.league, staged.series, staged.name)  # fmt: skip
    names = ["league", "series", "name", "team_id", "strategy", "confidence", "reason", "feed_id", "sides"]
    statement = upsert(links).from_select(names, rows)
    new = {name: statement.excluded[name] for name in names[3:]}
    connection.execute(statement.on_conflict_do_update(index_elements=["league", "series", "name"], set_=new))


def link_meetings(connection: sa.Connection, intake: Intake) -> None:
    """Stage the team ids of each meeting of `stage.matches`, NULL where they stay unknown."""
    open_names = link_names(connection, names_of_sides(staging.matches, "home_team", "away_team"), intake)
    found = connection.execute(_meetings()).all()
    fixtures = _fixtures(connection) if any(link.candidates for link in open_names.values()) else Meetings([])
    staging.create_staging(connection, staging.meetings)
    staging.load_rows(connection, staging.meetings, (_decide(row, open_names, fixtures) for row in found))


def _meetings() -> sa.Select[Any]:
    staged, home, away = staging.matches, staging.links.alias("home"), staging.links.alias("away")
    return (
        sa.select(
            staged.c.league, sa.func.coalesce(staged.c.series, "").label("series"), staged.c.match_date,
            staged.c.home_team, staged.c.away_team,
            home.c.team_id.label("home_team_id"), away.c.team_id.label("away_team_id"),
        )
        .outerjoin(home, is_link_of(home, staged, "home_team"))
        .outerjoin(away, is_link_of(away, staged, "away_team"))
        .distinct()
    )  # fmt: skip


def _fixtures(connection: sa.Connection) -> Meetings:
    """The fixtures of the matches' days."""
    staged = staging.matches.c
    that_day = sa.tuple_(leagues.c.league_id, schedule.c.match_date).in_(sa.select(staged.league, staged.match_date))
    both = schedule.c.home_team_id.is_not(None) & schedule.c.away_team_id.is_not(None)
    rows = connection.execute(
        sa.select(leagues.c.league_id, schedule.c.match_date, schedule.c.home_team_id, schedule.c.away_team_id)
        .join(leagues, leagues.c.id == schedule.c.league_id)
        .where(that_day, both)
    )
    return Meetings(Meeting(*row) for row in rows)


def _decide(row: sa.Row[Any], open_names: Mapping[Key, Link], fixtures: Meetings) -> tuple[Any, ...]:
    if row.home_team_id is not None and row.away_team_id is not None:
        return tuple(row)
    home, away = _candidates(row, "home", open_names), _candidates(row, "away", open_names)
    met = fixtures.between(row.league, row.match_date, home, away)
    return (*row[:5], *(met or row[5:]))


def _candidates(row: sa.Row[Any], side: str, open_names: Mapping[Key, Link]) -> tuple[int, ...]:
    known = getattr(row, f"{side}_team_id")
    if known is not None:
        return (known,)
    link = open_names.get((row.league, row.series, getattr(row, f"{side}_team")))
    return link.candidates if link else ()
