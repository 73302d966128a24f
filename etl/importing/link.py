"""Links the team names of staged rows to teams: each distinct name once, in its league and series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from etl.importing.feed_rows import Intake
from etl.importing.staging import create_staging, load_rows, name_links
from etl.names import Alias, Link, Team
from etl.names.resolver import Resolver
from etl.tables import is_bye_name, leagues, links, series, team_aliases, teams


def resolver(connection: sa.Connection) -> Resolver:
    """A resolver that knows every team and every confirmed alias of the database."""
    named = (
        sa.select(teams.c.id, leagues.c.league_id.label("league"), series.c.name.label("series"), teams.c.team_name)
        .join(leagues, leagues.c.id == teams.c.league_id)
        .join(series, series.c.id == teams.c.series_id)
        .order_by(teams.c.id)
    )
    aliases = sa.select(*team_aliases.c["league", "series", "name", "team_id"]).order_by(team_aliases.c.id)
    return _resolver_of(
        tuple(Team(*row) for row in connection.execute(named)),
        tuple(Alias(row.league, row.series or None, row.name, row.team_id) for row in connection.execute(aliases)),
    )


@lru_cache(maxsize=1)
def _resolver_of(known: tuple[Team, ...], aliases: tuple[Alias, ...]) -> Resolver:
    """Teams are read each time, and hardly ever differ from one feed to the next: what they told still holds."""
    return Resolver(known, aliases)


NameKey = tuple[str, str, str]
"""League, series ("" where unknown) and name."""


def link_names(
    connection: sa.Connection, names: sa.Select[Any], intake: Intake, open_before: sa.Select[tuple[str]]
) -> Mapping[NameKey, Link]:
    """Resolve names, given as (league, series, name, sides), into `name_links`, and keep how each was found.

    `open_before` gives the names that stand in the table without a team: they are no news. Returns what stayed open.
    """
    team_names = resolver(connection)
    homes = connection.scalars(sa.select(leagues.c.league_id).order_by(leagues.c.id)).all()
    links_by_name: dict[NameKey, Link] = {}
    rows: list[dict[str, object]] = []
    for league, in_series, name, sides in connection.execute(names):
        link = team_names.resolve(league, in_series, name) if league else anywhere(team_names, homes, in_series, name)
        key = league or "", in_series or "", name
        links_by_name[key] = link
        rows.append(
            {"league": key[0], "series": key[1], "name": name, "team_id": link.team_id, "strategy": link.strategy,
             "confidence": link.confidence, "reason": link.reason, "sides": sides}
        )  # fmt: skip
    create_staging(connection, name_links)
    load_rows(connection, name_links, rows)
    open_names = {key: link for key, link in links_by_name.items() if link.team_id is None}
    intake.newly_unlinked = _newly_unlinked(connection, open_names, open_before)
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
        .where(every.c.name != "", ~is_bye_name(every.c.name))
        .group_by(every.c.league, every.c.series, every.c.name)
    )


def is_link_of(link: sa.FromClause, table: sa.Table, side: str) -> sa.ColumnElement[bool]:
    """The join condition of a link with one side of a staged row; equalities only, so that it can be hashed."""
    return (
        (link.c.name == table.c[side])
        & (link.c.league == sa.func.coalesce(table.c.league, ""))
        & (link.c.series == sa.func.coalesce(table.c.series, ""))
    )


def series_of_links() -> sa.Select[Any]:
    """The ids of the series of all teams that staged names are linked to."""
    linked = sa.select(name_links.c.team_id).where(name_links.c.team_id.is_not(None))
    return sa.select(teams.c.series_id).where(teams.c.id.in_(linked), teams.c.series_id.is_not(None))


def sides_linked(connection: sa.Connection) -> tuple[int, int]:
    """How many sides of staged rows have a team, and how many have none."""
    sides = name_links.c.sides
    has_team = name_links.c.team_id.is_not(None)
    row = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(sides).filter(has_team), 0),
            sa.func.coalesce(sa.func.sum(sides).filter(~has_team), 0),
        )
    ).one()
    return int(row[0]), int(row[1])


def _newly_unlinked(
    connection: sa.Connection, open_names: Mapping[NameKey, Link], open_before: sa.Select[tuple[str]]
) -> int:
    """Sides whose name had a team when it was last seen, or was never seen and can mean no team at all."""
    staged = name_links.c
    same = sa.and_(*(links.c[name] == staged[name] for name in ("league", "series", "name")))
    rows = connection.execute(
        sa.select(staged.league, staged.series, staged.name, staged.sides, links.c.id, links.c.team_id)
        .outerjoin_from(name_links, links, same)
        .where(staged.team_id.is_(None))
    )
    lost = [row for row in rows if row.team_id is not None or _means_nothing(row, open_names)]
    stood_open = {*connection.scalars(open_before)} if lost else set()
    return sum(row.sides for row in lost if row.team_id is not None or row.name not in stood_open)


def open_sides(table: sa.Table) -> sa.Select[tuple[str]]:
    """Names of sides that stand in the table without a team."""
    home, away = (
        sa.select(table.c[f"{side}_team"].label("name")).where(table.c[f"{side}_team_id"].is_(None))
        for side in ("home", "away")
    )
    return sa.select(home.union(away).subquery().c.name)


def _means_nothing(row: Any, open_names: Mapping[NameKey, Link]) -> bool:
    return row.id is None and not open_names[row.league, row.series, row.name].candidates


def remember_refused(connection: sa.Connection, feed_id: int, reasons: Mapping[NameKey, str]) -> None:
    """Keep why names of standings have no team: it cannot be stored."""
    rows = [
        {"league": league, "series": in_series, "name": name, "team_id": None, "strategy": None, "confidence": 0,
         "reason": reason, "sides": 1}
        for (league, in_series, name), reason in reasons.items()
    ]  # fmt: skip
    create_staging(connection, name_links)
    load_rows(connection, name_links, rows)
    _remember(connection, feed_id)


def _remember(connection: sa.Connection, feed_id: int) -> None:
    staged = name_links.c
    rows = sa.select(
        staged.league, staged.series, staged.name, staged.team_id, staged.strategy, staged.confidence, staged.reason,
        sa.literal(feed_id), staged.sides,
    ).order_by(staged.league, staged.series, staged.name)  # fmt: skip
    names = ["league", "series", "name", "team_id", "strategy", "confidence", "reason", "feed_id", "sides"]
    statement = upsert(links).from_select(names, rows)
    new = {name: statement.excluded[name] for name in names[3:]}
    # the same feed once more rewrites nothing: a link names the feed that it came from
    told = sa.or_(*(links.c[name].is_distinct_from(value) for name, value in new.items() if name != "feed_id"))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["league", "series", "name"], set_=new, where=told)
    )
