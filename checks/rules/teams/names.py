"""Is every team there once, under one name."""

from __future__ import annotations

from sqlalchemy import func, select

from checks import Bad, Severity, check
from checks.rules.thresholds import DUPLICATES
from checks.rules.words import team_keys
from etl.tables import teams


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=teams, owner="teams", tags={"daily", "gate"})
def duplicate_team() -> Bad:
    """A team repeats league, series and name of another; a missing league or series is one like any other."""
    key = (func.coalesce(teams.c.league_id, 0), func.coalesce(teams.c.series_id, 0), teams.c.team_name)
    place = func.row_number().over(partition_by=key, order_by=teams.c.id).label("place")
    numbered = select(teams.c.id, place).subquery()
    copies = team_keys().add_columns(teams.c.id).join(numbered, numbered.c.id == teams.c.id)
    return Bad(copies.where(numbered.c.place > 1), among=select(teams.c.id))
