"""Links the team names of staged rows to teams: each distinct name once, in its league and series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, FromClause, Integer, Row, Select, Table, and_, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import ColumnElement

from etl.importing import stage
from etl.importing.intake import Intake
from etl.names import Alias, Link, Resolver, Team
from etl.tables import BYE, leagues, links, series, team_aliases, teams


def resolver(connection: Connection) -> Resolver:
    """A resolver that knows every team and every confirmed alias of the database."""
    known = (
        select(teams.c.id, leagues.c.league_id.label("league"), series.c.name.label("series"), teams.c.team_name)
        .join(leagues, leagues.c.id == teams.c.league_id)
        .join(series, series.c.id == teams.c.series_id)
        .order_by(teams.c.id)
    )
    aliases = select(*team_aliases.c["league", "series", "name", "team_id"]).order_by(team_aliases.c.id)
    return Resolver(
        [Team(*row) for row in connection.execute(known)],
        [Alias(row.league, row.series or None, row.name, row.team_id) for row in connection.execute(aliases)],
    )


Key = tuple[str, str, str]
"""League, series ("" where unknown) and name."""


def link_names(connection: Connection, names: Select[Any], intake: Intake) -> Mapping[Key, Link]:
    """Resolve names, given as (league, series, name, sides), into `stage.links`, and keep how each was found.

    Returns what stayed open.
    """
    known = resolver(connection)
    homes = connection.scalars(select(leagues.c.league_id).order_by(leagues.c.id)).all()
    links_by_name: dict[Key, Link] = {}
    rows: list[tuple[object, ...]] = []
    for league, in_series, name, sides in connection.execute(names):
        link = known.resolve(league, in_series, name) if league else anywhere(known, homes, in_series, name)
        key = league or "", in_series or "", name
        links_by_name[key] = link
        rows.append((*key, link.team_id, link.strategy, link.confidence, link.reason, sides))
    stage.create(connection, stage.links)
    stage.load(connection, stage.links, rows)
    open_names = {key: link for key, link in links_by_name.items() if link.team_id is None}
    intake.newly_unlinked = _newly_unlinked(connection, open_names)
    _remember(connection, intake.feed_id)
    return open_names


def anywhere(known: Resolver, homes: Sequence[str], in_series: str | None, name: str) -> Link:
    """The link of a name whose league the feed does not tell: the only one that any league has."""
    answers = [known.resolve(league, in_series, name) for league in homes]
    links = [link for link in answers if link.team_id is not None]
    return links[0] if len(links) == 1 else known.resolve(None, in_series, name)


def names_of_sides(table: Table, *sides: str, rows: ColumnElement[int] | None = None) -> Select[Any]:
    """The distinct names in the columns `sides` of a staging table, with how often each occurs; empty ones left out.

    `rows` is the aggregate that counts rows, where one of the table stands for several.
    """
    count = func.count() if rows is None else rows
    home = (table.c.league, table.c.series)
    together = select(*home, *(table.c[side] for side in sides), count.label("sides"))  # one scan for all sides
    grouped = together.group_by(*home, *(table.c[side] for side in sides)).cte("grouped")
    every = union_all(
        *(select(grouped.c.league, grouped.c.series, grouped.c[side].label("name"), grouped.c.sides) for side in sides)
    ).subquery()
    return (
        select(every.c.league, every.c.series, every.c.name, func.sum(every.c.sides).cast(Integer))
        .where(every.c.name != "", ~every.c.name.startswith(BYE))
        .group_by(every.c.league, every.c.series, every.c.name)
    )


def is_link_of(link: FromClause, table: Table, side: str) -> ColumnElement[bool]:
    """The join condition of a link with one side of a staged row; equalities only, so that it can be hashed."""
    return (
        (link.c.name == table.c[side])
        & (link.c.league == func.coalesce(table.c.league, ""))
        & (link.c.series == func.coalesce(table.c.series, ""))
    )


def sides_linked(connection: Connection) -> tuple[int, int]:
    """How many sides of staged rows have a team, and how many have none."""
    sides = stage.links.c.sides
    found = stage.links.c.team_id.is_not(None)
    row = connection.execute(
        select(func.coalesce(func.sum(sides).filter(found), 0), func.coalesce(func.sum(sides).filter(~found), 0))
    ).one()
    return int(row[0]), int(row[1])


def _newly_unlinked(connection: Connection, open_names: Mapping[Key, Link]) -> int:
    """Sides whose name had a team when it was last seen, or was never seen and can mean no team at all."""
    staged = stage.links.c
    same = and_(*(links.c[name] == staged[name] for name in ("league", "series", "name")))
    rows = connection.execute(
        select(staged.league, staged.series, staged.name, staged.sides, links.c.id, links.c.team_id)
        .outerjoin_from(stage.links, links, same)
        .where(staged.team_id.is_(None))
    )
    lost = (row.sides for row in rows if row.team_id is not None or _means_nothing(row, open_names))
    return sum(lost)


def _means_nothing(row: Row[Any], open_names: Mapping[Key, Link]) -> bool:
    return row.id is None and not open_names[row.league, row.series, row.name].candidates


def _remember(connection: Connection, feed_id: int) -> None:
    staged = stage.links.c
    rows = select(
        staged.league, staged.series, staged.name, staged.team_id, staged.strategy, staged.confidence, staged.reason,
        literal(feed_id), staged.sides,
    ).order_by(staged.league, staged.series, staged.name)  # fmt: skip
    names = ["league", "series", "name", "team_id", "strategy", "confidence", "reason", "feed_id", "sides"]
    statement = insert(links).from_select(names, rows)
    new = {name: statement.excluded[name] for name in names[3:]}
    connection.execute(statement.on_conflict_do_update(index_elements=["league", "series", "name"], set_=new))
