"""`series_stats`: standings, published to `series_stats`, and the leagues, series, clubs and teams that they name."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa

from etl.importing import Counts, staging
from etl.importing.ensure_dimensions import ensure_series, ensure_teams
from etl.importing.feed_rows import Intake
from etl.importing.staging import copied, differs, ids, insert_planned, temporary, texts, update_planned
from etl.kinds.kind import FeedKind
from etl.records.feed_schema import FeedSchema, key
from etl.records.fields import Name, Number, Short, Text, Whole
from etl.tables import leagues, series_stats, teams


class Standing(NamedTuple):
    """One team's row in the standings of its series; CITA's figures are shifted by a column, and kept as scraped."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[str, key("league_id", "league", reads=Text)]
    series: Annotated[Name, key("series")]
    team: Annotated[Name, key("team")]
    points: Annotated[Number, key("points")]
    matches_won: Annotated[Whole, key("matches", part="won")]
    matches_lost: Annotated[Whole, key("matches", part="lost")]
    matches_tied: Annotated[Whole, key("matches", part="tied")]
    matches_percentage: Annotated[Short, key("matches", part="percentage")]
    lines_won: Annotated[Whole, key("lines", part="won")]
    lines_lost: Annotated[Whole, key("lines", part="lost")]
    lines_for: Annotated[Whole, key("lines", part="for")]
    lines_ret: Annotated[Whole, key("lines", part="ret")]
    lines_percentage: Annotated[Short, key("lines", part="percentage")]
    sets_won: Annotated[Whole, key("sets", part="won")]
    sets_lost: Annotated[Whole, key("sets", part="lost")]
    sets_percentage: Annotated[Short, key("sets", part="percentage")]
    games_won: Annotated[Whole, key("games", part="won")]
    games_lost: Annotated[Whole, key("games", part="lost")]
    games_percentage: Annotated[Short, key("games", part="percentage")]


staged_standings = staging.stage_table("stage_standings", Standing)
STANDING_FIGURES = staging.shared_columns(staged_standings, series_stats)
STANDING_COLUMNS = ("league_id", "series_id", "team_id", *STANDING_FIGURES)
standing_links = temporary("stage_standing_links", *texts("league", "series", "team"), *ids("series_id", "team_id"))
standing_plan = temporary("plan_standings", *ids("index", "target_id"), *copied(series_stats, *STANDING_COLUMNS))


def publish_standings(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the staged standings; returns the figures that publishing adds.

    A team can stand in its series more than once (CITA keeps two sessions): the nth row of a team in the feed is its
    nth row in the table. Rows that vanished from the feed's leagues count as withdrawn, and go only with `prune`.
    """
    _link(connection)
    unchanged = _plan(connection)
    updated = update_planned(connection, series_stats, standing_plan, STANDING_COLUMNS)
    inserted = insert_planned(connection, series_stats, standing_plan, STANDING_COLUMNS, ("index",))
    linked = connection.execute(sa.select(sa.func.count()).select_from(staged_standings)).scalar_one()
    withdrawn = 0 if intake.partial else _withdraw(connection, prune=prune)
    return Counts(linked=linked, inserted=inserted, updated=updated, unchanged=unchanged, withdrawn=withdrawn)


def _link(connection: sa.Connection) -> None:
    """Stage the ids of each (league, series, team), and give them to stored rows that have none yet."""
    staged, link = staged_standings.c, standing_links
    names = [tuple(row) for row in connection.execute(sa.select(staged.league, staged.series, staged.team).distinct())]
    series_ids = ensure_series(connection, (name[:2] for name in names))
    team_ids = ensure_teams(connection, names, series_ids)
    staging.create_staging(connection, link)
    rows = (
        {"league": name[0], "series": name[1], "team": name[2], "series_id": series_ids[name[:2]],
         "team_id": team_ids[name]}
        for name in names
    )  # fmt: skip
    staging.load_rows(connection, link, rows)
    in_league = (series_stats.c.league_id == leagues.c.id) & (link.c.league == leagues.c.league_id)
    named = (series_stats.c.series == link.c.series) & (series_stats.c.team == link.c.team)
    connection.execute(
        sa.update(series_stats).where(series_stats.c.team_id.is_(None), in_league, named).values(team_id=link.c.team_id)
    )


def _plan(connection: sa.Connection) -> int:
    """Plan what is new or differs; returns how many staged rows are in the table as they are."""
    new, old, plan = _staged().cte("new"), _stored().cte("old"), standing_plan
    same = (new.c.team_id == old.c.team_id) & (new.c.nth == old.c.nth)
    rows = (
        sa.select(new.c.index, old.c.id, *(new.c[name] for name in STANDING_COLUMNS))
        .select_from(new.outerjoin(old, same))
        .where(old.c.id.is_(None) | differs(old, new, STANDING_COLUMNS))
    )
    staging.create_staging(connection, plan)
    connection.execute(sa.insert(plan).from_select(["index", "target_id", *STANDING_COLUMNS], rows))
    known, planned = (
        sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in (_staged().subquery(), plan)
    )
    return int(connection.execute(sa.select(known - planned)).scalar_one())


def _withdraw(connection: sa.Connection, *, prune: bool) -> int:
    """Rows of the feed's leagues that stand beyond what the feed has of their team."""
    held, stored = _staged().cte("held"), _stored().cte("stored")
    kept = sa.exists().where(held.c.team_id == stored.c.team_id, held.c.nth == stored.c.nth)
    gone = sa.select(stored.c.id).where(stored.c.league_id.in_(sa.select(held.c.league_id)), ~kept)
    if prune:
        return connection.execute(sa.delete(series_stats).where(series_stats.c.id.in_(gone))).rowcount
    return connection.execute(sa.select(sa.func.count()).select_from(gone.subquery())).scalar_one()


def _staged() -> sa.Select[Any]:
    staged, link = staged_standings, standing_links
    nth = sa.func.row_number().over(partition_by=link.c.team_id, order_by=staged.c.index).label("nth")
    named = sa.and_(*(link.c[name] == staged.c[name] for name in ("league", "series", "team")))
    ids = (leagues.c.id.label("league_id"), link.c.series_id, link.c.team_id)
    return (
        sa.select(*ids, staged.c.index, *(staged.c[name] for name in STANDING_FIGURES), nth)
        .join_from(staged, link, named)
        .join(leagues, leagues.c.league_id == staged.c.league)
    )


def _stored() -> sa.Select[Any]:
    nth = sa.func.row_number().over(partition_by=series_stats.c.team_id, order_by=series_stats.c.id).label("nth")
    return sa.select(series_stats, nth)


SERIES_STATS = FeedKind(
    name="series_stats",
    place=10,
    schema=FeedSchema(Standing),
    stage=staged_standings,
    publish=publish_standings,
    tables=(series_stats, teams),
    domains=("teams", "standings"),
    names_teams=True,
)
