"""Publishes staged standings to `series_stats`, and the leagues, series, clubs and teams that they name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select, update

from etl.importing import Counts, staging
from etl.importing.ensure_dimensions import ensure_series, ensure_teams
from etl.importing.ledger import Intake
from etl.importing.staging import differs, insert_planned, update_planned
from etl.tables import leagues, series_stats

FIGURES = tuple(column.name for column in staging.standings.columns if column.name not in {"index", "league"})
WRITTEN = ("league_id", "series_id", "team_id", *FIGURES)


def publish(connection: Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the staged standings; returns the figures that publishing adds.

    A team can stand in its series more than once (CITA keeps two sessions): the nth row of a team in the feed is its
    nth row in the table. Rows that vanished from the feed's leagues count as withdrawn, and go only with `prune`.
    """
    _link(connection)
    unchanged = _plan(connection)
    updated = update_planned(connection, series_stats, staging.standing_plan, WRITTEN)
    inserted = insert_planned(connection, series_stats, staging.standing_plan, WRITTEN, ("index",))
    linked = connection.execute(select(func.count()).select_from(staging.standings)).scalar_one()
    withdrawn = 0 if intake.partial else _withdraw(connection, prune=prune)
    return Counts(linked=linked, inserted=inserted, updated=updated, unchanged=unchanged, withdrawn=withdrawn)


def _link(connection: Connection) -> None:
    """Stage the ids of each (league, series, team), and give them to stored rows that have none yet."""
    staged, link = staging.standings.c, staging.standing_links
    names = [tuple(row) for row in connection.execute(select(staged.league, staged.series, staged.team).distinct())]
    series_ids = ensure_series(connection, (name[:2] for name in names))
    team_ids = ensure_teams(connection, names, series_ids)
    staging.create_staging(connection, link)
    staging.load_rows(connection, link, ((*name, series_ids[name[:2]], team_ids[name]) for name in names))
    in_league = (series_stats.c.league_id == leagues.c.id) & (link.c.league == leagues.c.league_id)
    named = (series_stats.c.series == link.c.series) & (series_stats.c.team == link.c.team)
    connection.execute(
        update(series_stats).where(series_stats.c.team_id.is_(None), in_league, named).values(team_id=link.c.team_id)
    )


def _plan(connection: Connection) -> int:
    """Plan what is new or differs; returns how many staged rows are in the table as they are."""
    new, old, plan = _staged().cte("new"), _stored().cte("old"), staging.standing_plan
    same = (new.c.team_id == old.c.team_id) & (new.c.nth == old.c.nth)
    rows = (
        select(new.c.index, old.c.id, *(new.c[name] for name in WRITTEN))
        .select_from(new.outerjoin(old, same))
        .where(old.c.id.is_(None) | differs(old, new, WRITTEN))
    )
    staging.create_staging(connection, plan)
    connection.execute(insert(plan).from_select(["index", "target_id", *WRITTEN], rows))
    known, planned = (select(func.count()).select_from(one).scalar_subquery() for one in (_staged().subquery(), plan))
    return int(connection.execute(select(known - planned)).scalar_one())


def _withdraw(connection: Connection, *, prune: bool) -> int:
    """Rows of the feed's leagues that stand beyond what the feed has of their team."""
    held, stored = _staged().cte("held"), _stored().cte("stored")
    kept = exists().where(held.c.team_id == stored.c.team_id, held.c.nth == stored.c.nth)
    gone = select(stored.c.id).where(stored.c.league_id.in_(select(held.c.league_id)), ~kept)
    if prune:
        return connection.execute(delete(series_stats).where(series_stats.c.id.in_(gone))).rowcount
    return connection.execute(select(func.count()).select_from(gone.subquery())).scalar_one()


def _staged() -> Select[Any]:
    staged, link = staging.standings, staging.standing_links
    nth = func.row_number().over(partition_by=link.c.team_id, order_by=staged.c.index).label("nth")
    named = and_(*(link.c[name] == staged.c[name] for name in ("league", "series", "team")))
    ids = (leagues.c.id.label("league_id"), link.c.series_id, link.c.team_id)
    return (
        select(*ids, staged.c.index, *(staged.c[name] for name in FIGURES), nth)
        .join_from(staged, link, named)
        .join(leagues, leagues.c.league_id == staged.c.league)
    )


def _stored() -> Select[Any]:
    nth = func.row_number().over(partition_by=series_stats.c.team_id, order_by=series_stats.c.id).label("nth")
    return select(series_stats, nth)
