"""Rows to write in cases: each builder gives one row of one table with the dullest values that are in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, insert, literal_column, select

from etl.tables import (
    clubs,
    import_feeds,
    import_parts,
    import_stops,
    leagues,
    links,
    match_scores,
    player_history,
    players,
    rejects,
    schedule,
    series,
    series_stats,
    team_aliases,
    teams,
)

TODAY = date(2025, 2, 15)
NOW = datetime(2025, 2, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Day = date | ColumnElement[Any]
FOREVER: ColumnElement[Any] = literal_column("'infinity'::date")
NEVER: ColumnElement[Any] = literal_column("'-infinity'::date")
SECRET = "Secret"  # noqa: S105 - what no report may show


@dataclass(frozen=True, slots=True)
class Entry:
    """A row and the table that it goes to."""

    table: Table
    values: dict[str, Any]

    def moved(self, days: int) -> Entry:
        """The row so many days later; what has no date stays as it is."""
        return Entry(self.table, {name: _moved(value, days) for name, value in self.values.items()})


def insert_all(connection: Connection, entries: Iterable[Entry]) -> None:
    """Insert entries in their order: those of one shape that follow each other at once."""
    for _, alike in groupby(entries, key=lambda entry: (entry.table.fullname, tuple(entry.values))):
        batch = list(alike)
        statement, rows = insert(batch[0].table), [dict(entry.values) for entry in batch]
        if any(isinstance(value, ColumnElement) for row in rows for value in row.values()):
            connection.execute(statement.values(rows))
        else:  # one text for any number of rows, which is compiled once
            connection.execute(statement, rows)


def _moved(value: Any, days: int) -> Any:
    return value + days * DAY if isinstance(value, date) and value != date.max else value


def league(id: int, league_id: str = "CNSWPL") -> Entry:
    return Entry(leagues, {"id": id, "league_id": league_id, "league_name": league_id})


def in_series(id: int, name: str = "Series 1") -> Entry:
    return Entry(series, {"id": id, "name": name})


def club(id: int, name: str = "Winnetka") -> Entry:
    return Entry(clubs, {"id": id, "name": name})


PLACE = (league(1), in_series(1), club(1))
"""One league, one series and one club, each with the id 1: where the builders put everything."""
ELSEWHERE = (league(2, "CITA"), in_series(2, "Series 2"), club(2, "Birchwood"))


def team(id: int, team_name: str | None = None, **values: Any) -> Entry:
    place = {"league_id": 1, "series_id": 1, "club_id": 1}
    return Entry(teams, {"id": id, "team_name": team_name or f"Winnetka {id}", **place, **values})


TWO_TEAMS = (*PLACE, team(1), team(2))


def match(home: int | None = 1, away: int | None = 2, day: Day | None = TODAY, **values: Any) -> Entry:
    """A scheduled match; teams are called by their id."""
    row = {
        "match_date": day, "match_time": time(18, 30), "location": "Winnetka", "league_id": 1,
        "home_team": f"Winnetka {home}", "away_team": f"Winnetka {away}", "home_team_id": home, "away_team_id": away,
    }  # fmt: skip
    return Entry(schedule, {**row, **values})


def practice(**values: Any) -> Entry:
    return match(None, None, **{"home_team": "Winnetka Practice - Series 1", "away_team": "", **values})


def bye(**values: Any) -> Entry:
    return match(1, None, **{"away_team": "BYE - 1", **values})


def no_matches(day: Day, home: int, away: int, **values: Any) -> tuple[Entry, ...]:
    """Rows of the schedule in which nobody meets, though both sides are linked: a practice, and a BYE on each side."""
    names: tuple[dict[str, Any], ...] = (
        {"home_team": "Winnetka PRACTICE"},
        {"home_team": "bye 1"},
        {"away_team": " BYE - 1"},
    )
    return tuple(match(home, away, day, **name | values) for name in names)


def plays(team_id: int, number: int, since: date, *, home: bool = True, **values: Any) -> tuple[Entry, ...]:
    """Matches of one team on as many days, against nobody who is known."""
    host, guest = (team_id, None) if home else (None, team_id)
    return tuple(match(host, guest, since + day * DAY, **values) for day in range(number))


def player(number: int = 1, **values: Any) -> Entry:
    """A player of team 1, known by a number."""
    row = {
        "tenniscores_player_id": player_id(number), "first_name": f"{SECRET} {number}", "last_name": SECRET,
        "email": f"{SECRET}@example.org", "league_id": 1, "club_id": 1, "series_id": 1, "team_id": 1,
    }  # fmt: skip
    return Entry(players, {**row, **values})


def rating(player: int | None = 1, **values: Any) -> Entry:
    """A reading in the history of a player, by the id of his row."""
    row = {"player_id": player, "league_id": 1, "date": TODAY, "end_pti": 40, "series": "Series 1"}
    return Entry(player_history, {**row, **values})


def player_id(number: int) -> str:
    return f"nndz-{number:016x}"


def played(home: int | None = 1, away: int | None = 2, day: Day | None = TODAY, **values: Any) -> Entry:
    """A result: players 1 and 2 against 3 and 4."""
    row = {
        "match_date": day, "home_team": f"Winnetka {home}", "away_team": f"Winnetka {away}", "home_team_id": home,
        "away_team_id": away, "home_player_1_id": player_id(1), "home_player_2_id": player_id(2),
        "away_player_1_id": player_id(3), "away_player_2_id": player_id(4), "scores": "6-4, 6-3", "winner": "home",
        "league_id": 1,
    }  # fmt: skip
    return Entry(match_scores, {**row, **values})


def scored(scores: str | None, winner: str | None) -> Entry:
    return played(scores=scores, winner=winner)


def standing(team_id: int | None = 1, **values: Any) -> Entry:
    row = {
        "series": "Series 1", "team": f"Winnetka {team_id}", "league_id": 1, "series_id": 1, "team_id": team_id,
        "points": 10, "matches_won": 3, "matches_lost": 1, "matches_tied": 0, "matches_percentage": "75.0%",
    }  # fmt: skip
    return Entry(series_stats, {**row, **values})


def feed(ago: timedelta = timedelta(hours=3), **values: Any) -> Entry:
    """An imported feed, by how long ago it was done."""
    row = {"run_id": 1, "path": "schedules.json", "kind": "schedules", "league": "CNSWPL", "outcome": "published"}
    return Entry(import_feeds, {**row, "started_at": NOW - ago, "finished_at": NOW - ago, **values})


def part(ago: timedelta, **values: Any) -> Entry:
    """A part of a feed, held, by how long ago it was first tried."""
    feed = select(func.max(import_feeds.c.id)).scalar_subquery()
    row = {"feed_id": feed, "kind": "schedules", "league": "CNSWPL", "path": "schedules.json", "outcome": "held"}
    return Entry(import_parts, {**row, "at": NOW - ago, "counts": {}, "profile": {}, **values})


def stop(**values: Any) -> Entry:
    """A stop of all imports."""
    return Entry(import_stops, {"at": NOW, "by": "rally-health", "reason": "a feed was blocked", **values})


def reject(**values: Any) -> Entry:
    """A refused row of the feed that was written last."""
    last = select(func.max(import_feeds.c.id)).scalar_subquery()
    return Entry(rejects, {"feed_id": last, "index": 7, "reason": "the date is missing", "raw": "{}", **values})


def link(name: str, team_id: int | None) -> Entry:
    row = {"league": "CNSWPL", "name": name, "team_id": team_id, "confidence": 1.0, "feed_id": 1}
    return Entry(links, row)


def alias(name: str, team_id: int, league: str = "CNSWPL") -> Entry:
    return Entry(team_aliases, {"league": league, "name": name, "team_id": team_id, "confirmed_by": "an operator"})
