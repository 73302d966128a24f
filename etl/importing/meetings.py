"""Which two teams met, for every distinct meeting of staged matches.

Names are resolved first. Where a match does not tell its series and a club plays in several, the schedule decides: the
one fixture of that day between teams of these names, whichever of them it calls the home team.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, tuple_

from etl.importing import stage
from etl.importing.intake import Intake
from etl.importing.link import Key, is_link_of, link_names, names_of_sides
from etl.names import Link, Meeting, Meetings
from etl.tables import leagues, schedule


def link_meetings(connection: Connection, intake: Intake) -> None:
    """Stage the team ids of each meeting of `stage.matches`, NULL where they stay unknown."""
    open_names = link_names(connection, names_of_sides(stage.matches, "home_team", "away_team"), intake)
    found = connection.execute(_meetings()).all()
    fixtures = _fixtures(connection) if any(link.candidates for link in open_names.values()) else Meetings([])
    stage.create(connection, stage.meetings)
    stage.load(connection, stage.meetings, (_decide(row, open_names, fixtures) for row in found))


def _meetings() -> Select[Any]:
    staged, home, away = stage.matches, stage.links.alias("home"), stage.links.alias("away")
    return (
        select(
            staged.c.league, func.coalesce(staged.c.series, "").label("series"), staged.c.match_date,
            staged.c.home_team, staged.c.away_team,
            home.c.team_id.label("home_team_id"), away.c.team_id.label("away_team_id"),
        )
        .outerjoin(home, is_link_of(home, staged, "home_team"))
        .outerjoin(away, is_link_of(away, staged, "away_team"))
        .distinct()
    )  # fmt: skip


def _fixtures(connection: Connection) -> Meetings:
    """The fixtures of the matches' days."""
    staged = stage.matches.c
    that_day = tuple_(leagues.c.league_id, schedule.c.match_date).in_(select(staged.league, staged.match_date))
    both = schedule.c.home_team_id.is_not(None) & schedule.c.away_team_id.is_not(None)
    rows = connection.execute(
        select(leagues.c.league_id, schedule.c.match_date, schedule.c.home_team_id, schedule.c.away_team_id)
        .join(leagues, leagues.c.id == schedule.c.league_id)
        .where(that_day, both)
    )
    return Meetings(Meeting(*row) for row in rows)


def _decide(row: Row[Any], open_names: Mapping[Key, Link], fixtures: Meetings) -> tuple[Any, ...]:
    if row.home_team_id is not None and row.away_team_id is not None:
        return tuple(row)
    home, away = _candidates(row, "home", open_names), _candidates(row, "away", open_names)
    met = fixtures.between(row.league, row.match_date, home, away)
    return (*row[:5], *(met or row[5:]))


def _candidates(row: Row[Any], side: str, open_names: Mapping[Key, Link]) -> tuple[int, ...]:
    known = getattr(row, f"{side}_team_id")
    if known is not None:
        return (known,)
    link = open_names.get((row.league, row.series, getattr(row, f"{side}_team")))
    return link.candidates if link else ()
