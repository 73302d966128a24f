"""Does everybody play: the question that nobody asked in 2025, when 205 of 727 teams had no schedule."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select

from checks import Bad, Row, Severity, check
from checks.rules.thresholds import MISSING_TEAMS, ROUTINE
from checks.rules.words import in_use, is_match, rows_of, team_keys
from etl.tables import schedule, teams

TEAM, MATCH = Row(teams), Row(schedule)
RUNBOOK = "docs/RUNBOOKS.md#teams-without-a-schedule"
SIDES = ("home", "away")
FEWEST, MOST = 0.4, 2.5
"""Of its series' median; a league of two sessions has teams that play twice as often as others."""


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=teams, owner="schedules", tags={"daily", "gate"},
       runbook=RUNBOOK)  # fmt: skip
def team_without_schedule() -> Bad:
    """A team has no match in the schedule."""
    return Bad(team_keys().where(in_use(TEAM), ~_plays()), among=rows_of(teams).where(in_use(TEAM)))


@check(severity=Severity.HIGH, threshold=MISSING_TEAMS, table=teams, owner="schedules", tags={"daily"}, each="league",
       runbook=RUNBOOK)  # fmt: skip
def gap_in_league_schedule(league: int) -> Bad:
    """The schedule of one league leaves teams out; a small league would be lost in the share of all."""
    of_league = (teams.c.league_id == league, in_use(TEAM))
    return Bad(team_keys().where(*of_league, ~_plays()), among=rows_of(teams).where(*of_league))


@check(severity=Severity.LOW, threshold=ROUTINE, table=teams, owner="schedules", tags={"weekly"})
def team_with_uneven_schedule(season_start: date) -> Bad:
    """A team has far fewer or far more matches this season than the others of its series."""
    team = _with_usual(season_start).subquery()
    uneven = (team.c.matches < FEWEST * team.c.usual) | (team.c.matches > MOST * team.c.usual)
    found = team_keys().add_columns(team.c.matches, team.c.usual).join(team, team.c.id == teams.c.id)
    return Bad(found.where(uneven), among=select(team.c.id.label("team_id")))


def _plays() -> ColumnElement[bool]:
    """A match names the team on one of its sides. Two questions, each with an index: an OR of columns has none."""
    return or_(*(exists().where(schedule.c[f"{side}_team_id"] == teams.c.id, is_match(MATCH)) for side in SIDES))


def _with_usual(season_start: date) -> Select[Any]:
    """Teams with their number of matches, and the median of their series."""
    this_season = schedule.c.match_date.between(season_start, season_start.replace(year=season_start.year + 1))
    sides = [select(schedule.c[f"{side}_team_id"].label("id")).where(this_season, is_match(MATCH)) for side in SIDES]
    side = sides[0].union_all(sides[1]).subquery()
    played = select(side.c.id, func.count().label("matches")).group_by(side.c.id).subquery()
    series = (teams.c.league_id, teams.c.series_id)
    median = func.percentile_cont(0.5).within_group(played.c.matches).label("usual")
    by_series = select(*series, median).join(played, played.c.id == teams.c.id).group_by(*series).subquery()
    same = (by_series.c.league_id == teams.c.league_id) & (by_series.c.series_id == teams.c.series_id)
    return select(*played.c, by_series.c.usual).join(teams, teams.c.id == played.c.id).join(by_series, same)
