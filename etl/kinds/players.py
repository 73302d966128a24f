"""`players`: published to `players`, with their clubs, series and teams.

A player of two teams has two rows with one id. A player who changed series, club or team keeps his row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, NamedTuple

import sqlalchemy as sa

from etl.importing import Counts, staging
from etl.importing.ensure_dimensions import add_new_teams, ensure_clubs, ensure_series
from etl.importing.feed_rows import Intake, as_read
from etl.importing.figure_signs import player_signs
from etl.importing.link import is_link_of, link_names, names_of_sides, series_of_links, sides_linked
from etl.importing.provenance import keep_ours
from etl.importing.seasons import turn_season
from etl.importing.staging import (
    copied,
    ids,
    name_links,
    pair,
    temporary,
    texts,
    withdraw,
)
from etl.importing.target import WriteCounts, Writer, fill_required, keep_empty, read_target
from etl.kinds.kind import FeedKind
from etl.names.structure import club_of, series_key
from etl.records import RecordColumns, Reject
from etl.records.feed_schema import FeedSchema, key
from etl.records.fields import Name, Number, Text, Whole
from etl.repairs import Update
from etl.tables import leagues, players, series, teams


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
    career_wins: Annotated[Whole, key("Career Wins", optional=True)]
    career_losses: Annotated[Whole, key("Career Losses", optional=True)]
    career_matches: Annotated[Whole, key("Career Matches", optional=True)]
    career_win_percentage: Annotated[Number, key("Career Win %", optional=True)]


def _count_career(columns: RecordColumns) -> None:
    """A career's matches, where the feed tells only how many were won and lost."""
    figures = zip(columns["career_matches"], columns["career_wins"], columns["career_losses"], strict=True)
    columns["career_matches"] = [
        won + lost if matches is None and won is not None and lost is not None else matches
        for matches, won, lost in figures
    ]


PLAYER_SCHEMA = FeedSchema(Player, derive=_count_career)
staged_players = staging.stage_table("stage_players", Player)
PERSON = ("tenniscores_player_id", "league_id")
HOME = ("series_id", "club_id", "team_id")
PLAYER_FIGURES = staging.shared_columns(staged_players, players)
MANY_NEW_TEAMS = 1 / 3
"""Share of rows in teams that have nobody yet from which on a roster is taken for a new season's."""
MANY_LEAVE = 0.10
"""Share of the league's active people whom a new season's roster lacks: one that only grows is no new season's."""
PLAYER_COLUMNS = (*PERSON, *HOME, *PLAYER_FIGURES)
NUMBERS = ("pti", "wins", "losses", "win_percentage")
CAREER = ("career_wins", "career_losses", "career_matches", "career_win_percentage")
PLAYER_LIKENESSES = (
    (*PERSON, "team_id", "said"), (*PERSON, "said", "club_id"), (*PERSON, "said"), (*PERSON, "team_id"),
)  # fmt: skip
"""A membership is one of the table's by its team, and what its series says, however that is spelled."""
player_homes = temporary("stage_player_homes", *texts("league", "series", "club"), *ids("series_id", "club_id"))
series_said = temporary("stage_series_said", *texts("series", "said"))
player_plan = temporary("plan_players", *ids("index", "target_id"), *texts("said"), *copied(players, *PLAYER_COLUMNS))
gone_players = temporary("gone_players", *texts("said"), *copied(players, "id", *PERSON, *HOME))


def publish_players(connection: sa.Connection, intake: Intake, *, prune: bool = False) -> Counts:
    """Write the staged players; returns the figures that publishing adds.

    Of rows with one player, league and team the fuller counts, then the later. Players that vanished from the feed's
    leagues count as withdrawn, and go only with `prune`.
    """
    names = names_of_sides(staged_players, "team")
    add_new_teams(connection, names, new_season=intake.new_season)
    link_names(connection, names, intake, _open_teams())
    intake.new_season = intake.new_season or _is_new_roster(connection)
    _stage_homes(connection)
    _stage_series(connection)
    duplicates = _plan(connection)
    _match_stored(connection, partial=intake.partial)
    refuse_unlinked_players(connection, intake.keep)
    _reactivate(connection)
    written = _write(connection, intake)
    if intake.new_season and not intake.partial:
        _turn_season(connection)
    linked, unlinked = sides_linked(connection)
    withdrawn = 0 if intake.partial else withdraw(connection, players, gone_players, prune=prune)
    return Counts(linked=linked, unlinked=unlinked, duplicates=duplicates, withdrawn=withdrawn, **asdict(written))


def _match_stored(connection: sa.Connection, *, partial: bool) -> None:
    """Let planned rows replace the memberships that they are, or that their player has given up for them."""
    _find_stored(connection)
    for keys in PLAYER_LIKENESSES:
        pair(connection, player_plan, gone_players, keys)
    if not partial:
        pair(connection, player_plan, gone_players, (*PERSON, "club_id"))
        pair(connection, player_plan, gone_players, PERSON, only=True)
    _keep_series(connection)
    keep_ours(connection, players, gone_players)


def _write(connection: sa.Connection, intake: Intake) -> WriteCounts:
    target = read_target(connection, players)
    untold = PLAYER_SCHEMA.untold(intake.drift.told)
    columns = target.present(PLAYER_COLUMNS, untold if "career_wins" in untold else untold - {"career_matches"})
    keep_empty(connection, target, player_plan, target.present(("team_id", "club_id", *NUMBERS, *CAREER)))
    fill_required(connection, target, player_plan, {"first_name": "", "last_name": ""})
    writer = Writer(target, player_plan, columns, staged_players, PLAYER_SCHEMA, intake, series=series_of_links(),
                    sides=sides_linked(connection), figures=("wins", "losses"))  # fmt: skip
    return writer.write(connection, (*PERSON, "index"))


def _open_teams() -> sa.Select[tuple[str]]:
    """Names of teams in the feed whose players stand in the table without a team."""
    person = (players.c.tenniscores_player_id == staged_players.c.player_id) & (players.c.league_id == leagues.c.id)
    return (
        sa.select(staged_players.c.team)
        .join(leagues, leagues.c.league_id == staged_players.c.league)
        .join(players, person)
        .where(players.c.team_id.is_(None))
        .distinct()
    )


def refuse_unlinked_players(connection: sa.Connection, keep: Callable[[list[Reject]], None]) -> int:
    """Take new players whose team's name means no team out of the plan and hand them to `keep`; returns how many.

    A row without a team's name stays: a sub belongs to a club and a series only. So does who stands in the table.
    """
    plan, staged, link = player_plan, staged_players, name_links
    nowhere = is_link_of(link, staged, "team") & link.c.team_id.is_(None)
    rows = sa.select(staged.c.index, link.c.reason, as_read(PLAYER_SCHEMA, staged)).join(link, nowhere)
    rows = rows.join(plan, (plan.c.index == staged.c.index) & plan.c.target_id.is_(None)).order_by(staged.c.index)
    refused = connection.execute(rows).all()
    if refused:
        keep([Reject(index, f"no team can be linked: {why}", "team", raw) for index, why, raw in refused])
        connection.execute(sa.delete(plan).where(plan.c.index == sa.func.any([row[0] for row in refused])))
    return len(refused)


def _is_new_roster(connection: sa.Connection) -> bool:
    """Whether a roster is a new season's, by its teams and by who is not in it any more."""
    if _share_of_new_teams(connection) <= MANY_NEW_TEAMS:
        return False
    here = leagues.c.league_id.in_(sa.select(staged_players.c.league))
    stays = sa.exists().where(staged_players.c.player_id == players.c.tenniscores_player_id)
    figures = sa.func.count(), sa.func.count().filter(~stays)
    active = sa.select(*figures).join(leagues, leagues.c.id == players.c.league_id)
    everybody, left = connection.execute(active.where(here, players.c.is_active.is_not(False))).one()
    return bool(left > MANY_LEAVE * everybody)


def _share_of_new_teams(connection: sa.Connection) -> float:
    """The share of staged rows whose team has nobody yet: a new season's rosters are of new teams."""
    linked = is_link_of(name_links, staged_players, "team") & name_links.c.team_id.is_not(None)
    held = sa.exists().where(players.c.team_id == name_links.c.team_id, players.c.is_active.is_not(False))
    figures = sa.func.count(), sa.func.count().filter(~held)
    known, new = connection.execute(sa.select(*figures).select_from(staged_players.join(name_links, linked))).one()
    return float(new / known) if known else 0.0


def _reactivate(connection: sa.Connection) -> None:
    """Let players whom a feed has again be active again."""
    back = (players.c.id == player_plan.c.target_id) & players.c.is_active.is_(False)
    connection.execute(sa.update(players).where(back).values(is_active=True))


def _turn_season(connection: sa.Connection) -> None:
    """Let players of last season whom the new season's roster does not have be active no more, undoably."""
    left = sa.select(gone_players.c.id, sa.false().label("is_active")).join(players, players.c.id == gone_players.c.id)
    left = left.where(players.c.is_active.is_not(False))
    if connection.execute(left.limit(1)).first():
        league = connection.scalars(sa.select(staged_players.c.league).limit(1)).one()
        turn_season(connection, league, [Update(players, left)], "players who are not in the new season's roster")


def _stage_homes(connection: sa.Connection) -> None:
    """Stage the series and club of each (league, series, club) whose team is unknown, by their names."""
    staged, link = staged_players, name_links
    homeless = (
        sa.select(staged.c.league, staged.c.series, staged.c.club, sa.func.min(staged.c.team).label("team"))
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


def _stage_series(connection: sa.Connection) -> None:
    """Stage what each name of a series says, of the feed and of the table."""
    names = sa.union(sa.select(staged_players.c.series), sa.select(series.c.name))
    staging.create_staging(connection, series_said)
    rows = ({"series": name, "said": series_key(name)} for name in connection.scalars(names))
    staging.load_rows(connection, series_said, rows)


def _plan(connection: sa.Connection) -> int:
    """Plan every record that is the last of its player and home, as if all were new; returns how many are not."""
    plan, new = player_plan, _resolved().cte("new")
    planned = (new.c.index, new.c.said, *(new.c[name] for name in PLAYER_COLUMNS))
    staging.create_staging(connection, plan)
    rows = sa.select(*planned).where(new.c.later == 0)
    connection.execute(sa.insert(plan).from_select(["index", "said", *PLAYER_COLUMNS], rows))
    staging.analyze(connection, plan)
    return connection.execute(sa.select(sa.func.count()).where(new.c.later > 0)).scalar_one()


def _resolved() -> sa.Select[Any]:
    """Staged rows with the ids of their names, and how many later rows of the feed say the same player and home."""
    staged, link, home = staged_players, name_links, player_homes
    at_home = sa.and_(home.c.league == staged.c.league, home.c.series == staged.c.series)
    at_home &= home.c.club == sa.func.coalesce(staged.c.club, "")
    series_id, club_id = (sa.func.coalesce(teams.c[name], home.c[name]) for name in ("series_id", "club_id"))
    person = (staged.c.player_id, leagues.c.id, series_id, club_id, teams.c.id)
    later = (
        sa.func.row_number().over(
            partition_by=person, order_by=(staged.c.last_name.is_(None), staged.c.pti.is_(None), staged.c.index.desc())
        )
        - 1
    )
    return (
        sa.select(
            staged.c.index, staged.c.player_id.label("tenniscores_player_id"), leagues.c.id.label("league_id"),
            series_id.label("series_id"), club_id.label("club_id"), teams.c.id.label("team_id"),
            *(staged.c[name] for name in PLAYER_FIGURES), series_said.c.said, later.label("later"),
        )
        .join(leagues, leagues.c.league_id == staged.c.league)
        .outerjoin(link, is_link_of(link, staged, "team"))
        .outerjoin(teams, teams.c.id == link.c.team_id)
        .outerjoin(home, at_home)
        .outerjoin(series_said, series_said.c.series == staged.c.series)
    )  # fmt: skip


def _find_stored(connection: sa.Connection) -> None:
    """Stage the players of the feed's leagues that stand in the table, with what their series says."""
    columns = ("id", *PERSON, *HOME)
    rows = (
        sa.select(*(players.c[name] for name in columns), series_said.c.said)
        .outerjoin(series, series.c.id == players.c.series_id)
        .outerjoin(series_said, series_said.c.series == series.c.name)
        .where(players.c.league_id.in_(sa.select(player_plan.c.league_id)))
    )
    staging.create_staging(connection, gone_players)
    connection.execute(sa.insert(gone_players).from_select([*columns, "said"], rows))
    staging.analyze(connection, gone_players)


def _keep_series(connection: sa.Connection) -> None:
    """Leave a player in the series that he stands in, where it says what the feed says."""
    plan = player_plan
    same = (plan.c.target_id == players.c.id) & (series.c.id == players.c.series_id)
    same &= (series_said.c.series == series.c.name) & (series_said.c.said == plan.c.said)
    connection.execute(sa.update(plan).where(same).values(series_id=players.c.series_id))


PLAYERS = FeedKind(
    name="players",
    place=20,
    schema=PLAYER_SCHEMA,
    stage=staged_players,
    publish=publish_players,
    tables=(players,),
    domains=("players",),
    stems=("players_career_stats",),
    figures=("wins", "losses"),
    lasting=(*HOME, "first_name", "last_name"),
    signs=player_signs,
)
