"""References that lead nowhere, or to no league, are led to where they belong."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from checks import Row, fix
from checks.fixes.rows import ids
from checks.rules.players.membership import player_of_unknown_team
from checks.rules.schedule.links import match_of_unknown_league
from checks.rules.standings.teams import standing_without_team
from checks.rules.words import is_match, leads_nowhere
from etl.importing.link import resolver
from etl.repairs import Update
from etl.tables import leagues, players, schedule, series_stats, teams


@fix(player_of_unknown_team)
def link_orphaned_players() -> Update:
    """Link players of teams that are gone to their club's only team in the series, or to none where it has several."""
    lost = select(players.c.id, _only_team_of_place().label("team_id"))
    return Update(players, lost.where(leads_nowhere(players.c.team_id, teams)))


@fix(standing_without_team)
def link_standings(connection: Connection) -> Update:
    """Link standings to the team that their name means in their series."""
    row = series_stats.c
    lost = row.team_id.is_(None) | leads_nowhere(row.team_id, teams)
    open_rows = select(row.id, leagues.c.league_id, row.series, row.team).join(leagues, leagues.c.id == row.league_id)
    known = resolver(connection)
    found = [
        (one.id, known.resolve(one.league_id, one.series, one.team).team_id)
        for one in connection.execute(open_rows.where(lost))
        if one.team
    ]
    return Update(series_stats, ids([pair for pair in found if pair[1] is not None], "id", "team_id"))


@fix(match_of_unknown_league)
def give_matches_their_league() -> Update:
    """Put matches without a league, or of one that is gone, into the league of both of their teams."""
    home, away = (_league_of(schedule.c[f"{side}_team_id"]) for side in ("home", "away"))
    lost = schedule.c.league_id.is_(None) | leads_nowhere(schedule.c.league_id, leagues)
    told = func.coalesce(home, away)
    agreed = select(schedule.c.id, told.label("league_id")).where(lost, is_match(Row(schedule)), told.is_not(None))
    return Update(schedule, agreed.where(home.is_not_distinct_from(away) | home.is_(None) | away.is_(None)))


def _only_team_of_place() -> Any:
    place = and_(*(teams.c[name] == players.c[name] for name in ("league_id", "club_id", "series_id")))
    only = case((func.count() == 1, func.min(teams.c.id)))
    return select(only).where(place).correlate(players).scalar_subquery()


def _league_of(team: Any) -> Any:
    own = teams.alias()
    return select(own.c.league_id).where(own.c.id == team).scalar_subquery()
