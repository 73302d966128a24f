"""Rows to write in cases: each builder gives one row of one table with the dullest values that are in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Table

from etl.tables import clubs, import_feeds, import_runs, leagues, schedule, series, teams

TODAY = date(2025, 2, 15)
NOW = datetime(2025, 2, 15, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row and the table that it goes to."""

    table: Table
    values: dict[str, Any]


def league(id: int, league_id: str = "CNSWPL") -> Entry:
    return Entry(leagues, {"id": id, "league_id": league_id, "league_name": league_id})


def in_series(id: int, name: str = "Series 1") -> Entry:
    return Entry(series, {"id": id, "name": name})


def club(id: int, name: str = "Winnetka") -> Entry:
    return Entry(clubs, {"id": id, "name": name})


PLACE = (league(1), in_series(1), club(1))
"""One league, one series and one club, each with the id 1: where the builders put everything."""


def team(id: int, team_name: str | None = None, **values: Any) -> Entry:
    place = {"league_id": 1, "series_id": 1, "club_id": 1}
    return Entry(teams, {"id": id, "team_name": team_name or f"Winnetka {id}", **place, **values})


def match(home: int | None = 1, away: int | None = 2, day: date = TODAY, **values: Any) -> Entry:
    """A scheduled match; teams are called by their id."""
    row = {
        "match_date": day, "match_time": time(18, 30), "location": "Winnetka", "league_id": 1,
        "home_team": f"Winnetka {home}", "away_team": f"Winnetka {away}", "home_team_id": home, "away_team_id": away,
    }  # fmt: skip
    return Entry(schedule, {**row, **values})


def practice(**values: Any) -> Entry:
    return match(None, None, home_team="Winnetka Practice - Series 1", away_team="", **values)


def bye(**values: Any) -> Entry:
    return match(1, None, away_team="BYE - 1", **values)


RUN = Entry(import_runs, {"outcome": "published", "paths": []})


def feed(ago: timedelta = timedelta(hours=3), **values: Any) -> Entry:
    """An imported feed, by how long ago it was done."""
    row = {"run_id": 1, "path": "schedules.json", "kind": "schedules", "league": "CNSWPL", "outcome": "published"}
    return Entry(import_feeds, {**row, "started_at": NOW - ago, "finished_at": NOW - ago, **values})
