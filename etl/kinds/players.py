"""`players`: published to `players`, with their clubs, series and teams.

A player of two teams has two rows with one id. A player who changed series, club or team keeps his row.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, func, insert, select

from etl.importing import Counts, staging
from etl.importing.ensure_dimensions import ensure_clubs, ensure_series
from etl.importing.feed_rows import Intake
from etl.importing.link import is_link_of, link_names, names_of_sides, sides_linked
from etl.importing.staging import (
    copied,
    drop_unchanged,
    ids,
    insert_planned,
    name_links,
    pair,
    temporary,
    texts,
    update_planned,
    withdraw,
)
from etl.kinds.kind import FeedKind
from etl.names.structure import club_of
from etl.records.feed_schema import FeedSchema, key
from etl.records.fields import Name, Number, Text, Whole
from etl.tables import leagues, players, teams


class Player(NamedTuple):
    """One player of one team; a player of two teams has two rows with one id."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a record
    league: Annotated[str, key("League", "league_id", reads=Text)]
    series: Annotated[Name, key("Series")]
    team: Annotated[Text, key("Series Mapping ID", "Team")]
    club: Annotated[Text, key("Club")]
    location_id: Annotated[Text, key("Location ID", optional=True)]
    player_id: Annotated[Name, key("Player ID")]
    first_name: Annotated[Text, key("First Name")]
    last_name: Annotated[Text, key("Last Name")]
    pti: Annotated[Number, key("PTI")]
    wins: Annotated[Whole, key("Wins")]
    losses: Annotated[Whole, key("Losses")]
    win_percentage: Annotated[Number, key("Win %", "Win Percentage")]
    captain_status: Annotated[Text, key("Captain", optional=True)]


staged_players = staging.stage_table("stage_players", Player)
PERSON = ("tenniscores_player_id", "league_id")
HOME = ("series_id", "club_id", "team_id")
PLAYER_FIGURES = staging.shared_columns(staged_players, players)
PLAYER_COLUMNS = (*PERSON, *HOME, *PLAYER_FIGURES)
player_homes = temporary("stage_player_homes", *texts("league", "series", "club"), *ids("series_id", "club_id"))
player_plan = temporary("plan_players", *ids("index", "target_id"), *copied(players, *PLAYER_COLUMNS))
gone_players = temporary("gone_players", *copied(players, "id", *PERSON))


def publish_players(connection: Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the staged players; returns the figures that publishing adds.

    Of rows with one player, league and team the last in the feed counts. Players that vanished from the feed's leagues
    count as withdrawn, and go only with `prune`.
    """
    link_names(connection, names_of_sides(staged_players, "team"), intake)
    _stage_homes(connection)
    duplicates = _plan(connection)
    _find_gone(connection)
    if not intake.partial:
        pair(connection, player_plan, gone_players, PERSON, only=True)
    unchanged = drop_unchanged(connection, players, player_plan, PLAYER_COLUMNS)
    updated = update_planned(connection, players, player_plan, PLAYER_COLUMNS)
    inserted = insert_planned(connection, players, player_plan, PLAYER_COLUMNS, (*PERSON, "index"))
    linked, unlinked = sides_linked(connection)
    return Counts(
        linked=linked, unlinked=unlinked, inserted=inserted, updated=updated, unchanged=unchanged,
        duplicates=duplicates,
        withdrawn=0 if intake.partial else withdraw(connection, players, gone_players, prune=prune),
    )  # fmt: skip


def _stage_homes(connection: Connection) -> None:
    """Stage the series and club of each (league, series, club) whose team is unknown, by their names."""
    staged, link = staged_players, name_links
    homeless = (
        select(staged.c.league, staged.c.series, staged.c.club, func.min(staged.c.team).label("team"))
        .outerjoin(link, is_link_of(link, staged, "team"))
        .where(link.c.team_id.is_(None))
        .group_by(staged.c.league, staged.c.series, staged.c.club)
    )
    found = connection.execute(homeless).all()
    series_ids = ensure_series(connection, ((row.league, row.series) for row in found))
    clubs = {row: club_of(row.league, row.series, row.club or row.team or "") for row in found}
    club_ids = ensure_clubs(connection, {(club, row.league) for row, club in clubs.items() if club})
    staging.create_staging(connection, player_homes)
    rows = (
        {"league": row.league, "series": row.series, "club": row.club or "",
         "series_id": series_ids[row.league, row.series], "club_id": club_ids.get(club)}
        for row, club in clubs.items()
    )  # fmt: skip
    staging.load_rows(connection, player_homes, rows)


def _plan(connection: Connection) -> int:
    """Plan every record that is the last of its player and home; returns how many are not."""
    plan, new = player_plan, _resolved().cte("new")
    same = and_(*(func.coalesce(players.c[name], -1) == func.coalesce(new.c[name], -1) for name in HOME))
    same &= and_(*(players.c[name] == new.c[name] for name in PERSON))
    rows = select(new.c.index, players.c.id, *(new.c[name] for name in PLAYER_COLUMNS)).outerjoin_from(
        new, players, same
    )
    staging.create_staging(connection, plan)
    connection.execute(insert(plan).from_select(["index", "target_id", *PLAYER_COLUMNS], rows.where(new.c.later == 0)))
    staging.analyze(connection, plan)
    return connection.execute(select(func.count()).where(new.c.later > 0)).scalar_one()


def _resolved() -> Select[Any]:
    """Staged rows with the ids of their names, and how many later rows of the feed say the same player and home."""
    staged, link, home = staged_players, name_links, player_homes
    at_home = and_(home.c.league == staged.c.league, home.c.series == staged.c.series)
    at_home &= home.c.club == func.coalesce(staged.c.club, "")
    series_id, club_id = (func.coalesce(teams.c[name], home.c[name]) for name in ("series_id", "club_id"))
    person = (staged.c.player_id, leagues.c.id, series_id, club_id, teams.c.id)
    later = func.row_number().over(partition_by=person, order_by=staged.c.index.desc()) - 1
    return (
        select(
            staged.c.index, staged.c.player_id.label("tenniscores_player_id"), leagues.c.id.label("league_id"),
            series_id.label("series_id"), club_id.label("club_id"), teams.c.id.label("team_id"),
            *(staged.c[name] for name in PLAYER_FIGURES), later.label("later"),
        )
        .join(leagues, leagues.c.league_id == staged.c.league)
        .outerjoin(link, is_link_of(link, staged, "team"))
        .outerjoin(teams, teams.c.id == link.c.team_id)
        .outerjoin(home, at_home)
    )  # fmt: skip


def _find_gone(connection: Connection) -> None:
    """Stage the players of the feed's leagues whom the feed no longer has in their series, club and team."""
    plan, gone = player_plan, gone_players
    in_feed = players.c.league_id.in_(select(plan.c.league_id))
    rows = select(*(players.c[column.name] for column in gone.columns))
    rows = rows.where(in_feed, ~exists().where(plan.c.target_id == players.c.id))
    staging.create_staging(connection, gone)
    connection.execute(insert(gone).from_select([column.name for column in gone.columns], rows))


PLAYERS = FeedKind(
    name="players",
    place=20,
    schema=FeedSchema(Player),
    stage=staged_players,
    publish=publish_players,
    tables=(players,),
    domains=("players",),
)
