"""The thirteen rules of the benchmark: twelve row rules of the schedule, and one for duplicates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

from sqlalchemy import ColumnElement, func, select

from checks import Bad, Row, Severity, above, check, percent, row_check, rows
from etl.tables import schedule, teams

ROUTINE = above(warn=percent(1), critical=percent(5))
MEDIUM = Severity.MEDIUM


@row_check(schedule, severity=Severity.HIGH, threshold=ROUTINE)
def bench_without_teams(row: Row) -> Bad:
    """A match is linked to no team at all."""
    return Bad(row.home_team_id.is_(None) & row.away_team_id.is_(None), among=row.home_team.not_like("BYE%"))


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_without_location(row: Row) -> ColumnElement[bool]:
    """A match has no location."""
    return row.location.is_(None) | (func.btrim(row.location) == "")


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_without_time(row: Row) -> Bad:
    """A match has no time."""
    return Bad(row.match_time.is_(None), among=row.home_team.not_like("%Practice%"))


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_own_name(row: Row) -> ColumnElement[bool]:
    """A team meets its own name."""
    return row.home_team == row.away_team


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_own_id(row: Row) -> ColumnElement[bool]:
    """A team meets itself."""
    return row.home_team_id == row.away_team_id


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_too_early(row: Row) -> ColumnElement[bool]:
    """A match lies before the season."""
    return row.match_date < date(2024, 7, 1)


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_too_late(row: Row) -> ColumnElement[bool]:
    """A match lies after the season."""
    return row.match_date > date(2026, 7, 1)


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_at_night(row: Row) -> ColumnElement[bool]:
    """A match is played at night."""
    return (row.match_time < time(6)) | (row.match_time > time(23))


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_home_blanks(row: Row) -> ColumnElement[bool]:
    """Blanks stand around a home team."""
    return row.home_team != func.btrim(row.home_team)


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_away_blanks(row: Row) -> ColumnElement[bool]:
    """Blanks stand around an away team."""
    return row.away_team != func.btrim(row.away_team)


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_without_league(row: Row) -> ColumnElement[bool]:
    """A match has no league."""
    return row.league_id.is_(None)


@row_check(schedule, severity=MEDIUM, threshold=ROUTINE)
def bench_long_names(row: Row) -> ColumnElement[bool]:
    """A name is longer than any team's."""
    return (func.length(row.home_team) > 60) | (func.length(row.away_team) > 60)


@check(severity=Severity.HIGH, threshold=above(critical=rows(0)), table=schedule)
def bench_duplicates() -> Bad:
    """A match is there twice."""
    own = schedule.c
    key = (own.match_date, own.home_team, own.away_team, own.league_id)
    return Bad(select(*key).group_by(*key).having(func.count() > 1))


def many_rules(number: int) -> list[Callable[..., Any]]:
    """As many rules as wanted, a quarter of them across tables."""
    return [_free(n) if n % 4 == 0 else _row(n) for n in range(number)]


def _row(number: int) -> Callable[..., Any]:
    def body(row: Row) -> ColumnElement[bool]:
        return row.id == number

    body.__name__ = f"row_{number}"
    return row_check(schedule if number % 2 else teams, severity=MEDIUM, threshold=ROUTINE)(body)


def _free(number: int) -> Callable[..., Any]:
    def body() -> Bad:
        return Bad(select(teams.c.id).where(teams.c.id == number), among=select(teams.c.id))

    body.__name__ = f"free_{number}"
    return check(severity=MEDIUM, threshold=ROUTINE)(body)
