"""Feeds written out for tests, and a look at what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, select

from etl.importing import FeedResult, ImportReport
from etl.importing.import_run import import_paths
from etl.importing.options import Options

APTA = "APTA_CHICAGO"


def standing(team: str, series: str = "Chicago 11", league: str = APTA, **changes: Any) -> dict[str, Any]:
    """A row of series_stats.json."""
    figures = {"won": 3, "lost": 1, "percentage": "75.0%"}
    return {
        "series": series, "team": team, "league_id": league, "points": 30, "matches": figures | {"tied": 0},
        "lines": figures | {"for": 0, "ret": 0}, "sets": figures, "games": figures,
    } | changes  # fmt: skip


def fixture(home: str, away: str, date: str = "09/24/2024", **changes: Any) -> dict[str, Any]:
    """A row of schedules.json."""
    return {
        "date": date, "time": "06:30 pm", "home_team": home, "away_team": away, "location": "Birchwood",
        "series": "Chicago 11", "League": APTA,
    } | changes  # fmt: skip


def practice(date: str, club: str = "Birchwood", series: str = "Chicago 11") -> dict[str, Any]:
    """A practice time as captains add it."""
    return {"date": date, "time": "10:30 AM", "Practice": club, "Series": series}


def write(folder: Path, kind: str, rows: Sequence[Any], league: str = APTA) -> Path:
    """Write a feed below `folder`, and return its path."""
    path = folder / league / f"{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows))
    return path


def publish(engine: Engine, *paths: Path, **options: Any) -> ImportReport:
    """Import some paths; the backend of a client that was just killed may need a moment to let go of the lock."""
    return import_paths(engine, paths, Options(**options), wait=10)


def publish_one(engine: Engine, path: Path, **options: Any) -> FeedResult:
    """Import one feed."""
    (result,) = publish(engine, path, **options).feeds
    return result


def rows_of(engine: Engine, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    """All rows of a table, by id."""
    with engine.begin() as connection:
        found = connection.execute(select(*(table.c[name] for name in columns)).order_by(table.c.id))
        return [tuple(row) for row in found]
