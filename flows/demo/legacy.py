"""Fills `schedule` the way the platform's old loader did in 2025, so that its damage can be seen and mended.

The table had no key. Names were looked up letter by letter, so "Birchwood - 11 (Division 11)" found no team; a batch
that met an error was dropped and the error suppressed, so the teams of whole series ended without a schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from etl.tables import leagues, schedule, teams

KEYS = ("unique_schedule_match", "schedule_team_id_not_null", "schedule_no_self_match")
LOST_SERIES = frozenset({"Chicago 2", "Chicago 4", "Chicago 6", "Chicago 8", "Chicago 10", "Chicago 16", "Chicago 18"})


def load_as_in_2025(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Drop the keys of `schedule` and insert the feed's rows as the old loader did; returns how many."""
    for key in KEYS:
        connection.execute(text(f"alter table schedule drop constraint if exists {key}"))
    league_ids = {row.league_id: row.id for row in connection.execute(select(leagues.c.league_id, leagues.c.id))}
    known = {(row.league_id, row.team_name): row.id for row in connection.execute(select(teams))}
    kept = [row for row in rows if "Practice" in row or row["series"] not in LOST_SERIES]
    values = [_practice(row) if "Practice" in row else _fixture(row, league_ids, known) for row in kept]
    connection.execute(insert(schedule), values)
    return len(values)


def _fixture(row: dict[str, Any], league_ids: dict[str, int], known: dict[tuple[int, str], int]) -> dict[str, Any]:
    league = league_ids[row["League"]]
    home, away = (
        known.get((league, row[side].removesuffix(f" - {row['series']}"))) for side in ("home_team", "away_team")
    )
    return _row(row, row["home_team"], row["away_team"]) | {
        "league_id": league, "home_team_id": home, "away_team_id": away,
        "location": row["location"],
    }  # fmt: skip


def _practice(row: dict[str, Any]) -> dict[str, Any]:
    nothing = dict.fromkeys(("league_id", "home_team_id", "away_team_id", "location"))
    return _row(row, f"{row['Practice']} Practice - {row['Series']}", "") | nothing


def _row(row: dict[str, Any], home: str, away: str) -> dict[str, Any]:
    moment = datetime.strptime(f"{row['date']} {row['time']}", "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - a local date and time
    return {"match_date": moment.date(), "match_time": moment.time(), "home_team": home, "away_team": away}
