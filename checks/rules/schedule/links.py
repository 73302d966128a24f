"""Is every side of a match linked to a team, and to the right one."""

from __future__ import annotations

from sqlalchemy import select

from checks import Bad, Row, Severity, check, row_check
from checks.rules.thresholds import NULL_IDS, ORPHANS
from checks.rules.words import is_match, leads_nowhere, match_keys
from etl.tables import schedule, teams


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook="docs/TROUBLESHOOTING.md#matches-without-team-ids")  # fmt: skip
def match_without_teams(row: Row) -> Bad:
    """A scheduled match is linked to no team at all."""
    return Bad(row.home_team_id.is_(None) & row.away_team_id.is_(None), among=is_match(row))


@row_check(schedule, severity=Severity.HIGH, threshold=NULL_IDS, owner="schedules", tags={"daily", "gate"},
           runbook="docs/TROUBLESHOOTING.md#matches-without-team-ids")  # fmt: skip
def match_with_one_team(row: Row) -> Bad:
    """A scheduled match is linked on one side only."""
    return Bad(row.home_team_id.is_(None) != row.away_team_id.is_(None), among=is_match(row))


@check(severity=Severity.HIGH, threshold=ORPHANS, table=schedule, owner="schedules", tags={"daily", "gate"})
def match_of_unknown_team() -> Bad:
    """A scheduled match is linked to a team that does not exist (any more)."""
    lost = leads_nowhere(schedule.c.home_team_id, teams) | leads_nowhere(schedule.c.away_team_id, teams)
    return Bad(match_keys().where(lost), among=select(schedule.c.id))
