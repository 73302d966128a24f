"""Does every match stand in the schedule once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Text, and_, cast, func, or_, select

from checks import Bad, Row, Severity, check
from checks.rules.thresholds import DUPLICATES, RARE
from checks.rules.words import is_match, match_keys, rows_of, team_keys
from etl.tables import schedule, teams

RUNBOOK = "docs/RUNBOOKS.md#duplicates-in-the-schedule"


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=schedule, owner="schedules", tags={"daily", "gate"},
       runbook=RUNBOOK)  # fmt: skip
def duplicate_match() -> Bad:
    """A row of the schedule repeats date, teams and league of another. Practice times count: they broke imports.

    A row of no league repeats any row of its date and teams: the old loader left the league of practices open.
    """
    key = [schedule.c[name] for name in ("match_date", "home_team", "away_team")]
    # grouped first: a hash of the keys is four times as fast as numbering a million sorted rows
    several = select(*key).group_by(*key).having(func.count() > 1).subquery()
    nth = func.row_number().over(partition_by=[*key, schedule.c.league_id], order_by=schedule.c.id)
    told = func.count(schedule.c.league_id).over(partition_by=key)  # rows of these names that tell a league
    surplus = or_(nth > 1, and_(schedule.c.league_id.is_(None), told > 0))
    keys = match_keys().add_columns(schedule.c.id)
    names = [column.name for column in keys.selected_columns]
    group = keys.add_columns(surplus.label("surplus"))
    copies = group.join(several, and_(*(column == several.c[column.name] for column in key))).subquery()
    return Bad(select(*(copies.c[name] for name in names)).where(copies.c.surplus),
               among=rows_of(schedule))  # fmt: skip


@check(severity=Severity.HIGH, threshold=DUPLICATES, table=schedule, owner="schedules", tags={"daily", "gate"},
       runbook=RUNBOOK)  # fmt: skip
def fixture_under_two_names() -> Bad:
    """Two teams meet twice on one day, because a feed spelled one of them in a new way."""
    key = (schedule.c.match_date, schedule.c.home_team_id, schedule.c.away_team_id)
    twice = select(*key, func.min(schedule.c.id).label("first")).group_by(*key).having(func.count() > 1).subquery()
    same = [schedule.c[name] == twice.c[name] for name in ("match_date", "home_team_id", "away_team_id")]
    first = schedule.alias("first")
    respelled = or_(first.c.home_team != schedule.c.home_team, first.c.away_team != schedule.c.away_team)
    again = match_keys().join(twice, and_(*same)).join(first, first.c.id == twice.c.first).where(respelled)
    linked = schedule.c.home_team_id.is_not(None) & schedule.c.away_team_id.is_not(None)
    return Bad(again, among=rows_of(schedule).where(linked))


@check(severity=Severity.MEDIUM, threshold=RARE, table=schedule, owner="schedules", tags={"daily"})
def team_twice_at_once() -> Bad:
    """A team has to be at two matches at one time. Matches without a time are left to their own rule."""
    played = _sides("home", "away").union_all(_sides("away", "home")).subquery()
    key = (played.c.team_id, played.c.match_date, played.c.match_time)
    # two rows against one opponent are copies, which other rules count
    busy = select(*key).group_by(*key).having(func.min(played.c.opponent) != func.max(played.c.opponent)).subquery()
    twice = team_keys().add_columns(busy.c.match_date, busy.c.match_time).join(busy, busy.c.team_id == teams.c.id)
    return Bad(twice, among=select(played.c.team_id))


def _sides(own: str, other: str) -> Select[Any]:
    """One side of each match that has a time; opponents without a team are known by name."""
    team_id = schedule.c[f"{own}_team_id"]
    opponent = func.coalesce(cast(schedule.c[f"{other}_team_id"], Text), schedule.c[f"{other}_team"])
    side = select(team_id.label("team_id"), opponent.label("opponent"), schedule.c.match_date, schedule.c.match_time)
    return side.where(team_id.is_not(None), schedule.c.match_time.is_not(None), is_match(Row(schedule)))
