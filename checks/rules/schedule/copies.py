"""Does every match stand in the schedule once."""

from __future__ import annotations

from sqlalchemy import func, select

from checks import Bad, Severity, check
from checks.rules.thresholds import DUPLICATES
from checks.rules.words import match_keys
from etl.tables import schedule


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=schedule, owner="schedules", tags={"daily", "gate"},
       runbook="docs/TROUBLESHOOTING.md#duplicates-in-the-schedule")  # fmt: skip
def duplicate_match() -> Bad:
    """A row of the schedule repeats date, teams and league of another. Practice times count: they broke imports."""
    of_no_league = func.coalesce(schedule.c.league_id, 0)
    key = (schedule.c.match_date, schedule.c.home_team, schedule.c.away_team, of_no_league.label("league_key"))
    # grouped first: a hash of the keys is four times as fast as numbering a million sorted rows
    repeated = select(*key, func.min(schedule.c.id).label("first")).group_by(*key).having(func.count() > 1).subquery()
    same = [schedule.c[name] == repeated.c[name] for name in ("match_date", "home_team", "away_team")]
    copies = match_keys().add_columns(schedule.c.id).join(repeated, (of_no_league == repeated.c.league_key))
    return Bad(copies.where(*same, schedule.c.id > repeated.c.first), among=select(schedule.c.id))
