"""Do players belong to the team that they are linked to, and does every team have a captain."""

from __future__ import annotations

from sqlalchemy import exists, func

from checks import Bad, Row, Severity, check
from checks.rules.thresholds import ORPHANS, RARE, ROUTINE
from checks.rules.words import in_use, leads_nowhere, player_keys, rows_of, team_keys
from etl.tables import players, teams

OF_TEAM = players.c.team_id == teams.c.id


@check(severity=Severity.HIGH, threshold=ORPHANS, table=players, owner="players", tags={"daily", "gate"})
def player_of_unknown_team() -> Bad:
    """A player is linked to a team that does not exist (any more)."""
    return Bad(player_keys().where(leads_nowhere(players.c.team_id, teams)), among=rows_of(players))


@check(severity=Severity.HIGH, threshold=RARE, table=players, owner="players", tags={"daily"})
def player_of_team_of_another_league() -> Bad:
    """A player of one league is linked to a team of another."""
    strangers = player_keys().join(teams, OF_TEAM).where(players.c.league_id != teams.c.league_id)
    return Bad(strangers, among=rows_of(players).join(teams, OF_TEAM))


@check(severity=Severity.MEDIUM, threshold=RARE, table=players, owner="players", tags={"daily"})
def player_of_team_of_another_series() -> Bad:
    """A player of one series is linked to a team of another."""
    strangers = player_keys().join(teams, OF_TEAM).where(players.c.series_id != teams.c.series_id)
    return Bad(strangers, among=rows_of(players).join(teams, OF_TEAM))


@check(severity=Severity.LOW, threshold=ROUTINE, table=teams, owner="players", tags={"weekly"})
def team_without_captain() -> Bad:
    """A team has players, but none of them is its captain or co-captain."""
    captain = exists().where(OF_TEAM, func.upper(players.c.captain_status).startswith("C"))
    manned = exists().where(OF_TEAM), in_use(Row(teams))
    return Bad(team_keys().where(*manned, ~captain), among=rows_of(teams).where(*manned))
