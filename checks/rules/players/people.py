"""Does every person stand there once."""

from __future__ import annotations

from sqlalchemy import func, select

from checks import Bad, Severity, check
from checks.rules.thresholds import DUPLICATES, ROUTINE
from checks.rules.words import player_keys, rows_of
from etl.tables import players

PLACE = ("league_id", "club_id", "series_id")


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=players, owner="players", tags={"daily", "gate"})
def duplicate_player() -> Bad:
    """An id stands twice in one league, club and series, and not for two teams of that club."""
    key = [players.c.tenniscores_player_id, *(func.coalesce(players.c[name], 0) for name in PLACE)]
    of_one_team = [*key, func.coalesce(players.c.team_id, 0)]
    place = func.row_number().over(partition_by=of_one_team, order_by=players.c.id).label("place")
    # a row without a team beside one with a team is the same membership, half linked
    other_team = func.max(players.c.team_id).over(partition_by=key).label("other_team")
    numbered = select(players.c.id, players.c.team_id, place, other_team).subquery()
    half_linked = numbered.c.team_id.is_(None) & numbered.c.other_team.is_not(None)
    copies = player_keys().add_columns(players.c.id).join(numbered, numbered.c.id == players.c.id)
    return Bad(copies.where((numbered.c.place > 1) | half_linked), among=rows_of(players))


@check(severity=Severity.LOW, threshold=ROUTINE, table=players, owner="players", tags={"weekly"})
def person_under_two_ids() -> Bad:
    """Two ids of one club and league have the same name: one person twice, or namesakes to be waived."""
    name = [func.lower(func.btrim(players.c[part])) for part in ("first_name", "last_name")]
    key = [*name, players.c.league_id, players.c.club_id]
    known = [part.is_not(None) for part in key] + [part != "" for part in name]
    first = func.min(players.c.tenniscores_player_id).over(partition_by=key).label("first")
    people = select(players.c.id, players.c.tenniscores_player_id, first).where(*known).subquery()
    twice = player_keys().add_columns(people.c.first.label("same_as")).join(people, people.c.id == players.c.id)
    return Bad(twice.where(people.c.first != people.c.tenniscores_player_id), among=rows_of(players))
