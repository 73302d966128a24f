"""How the platform's own loader writes schedules: batches of 100, each a transaction; one that fails is skipped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.platform.build import rows_of

BATCH = 100
COLUMNS = (
    "match_date",
    "match_time",
    "home_team",
    "away_team",
    "location",
    "league_id",
    "home_team_id",
    "away_team_id",
)
INSERT = text(f"insert into schedule ({', '.join(COLUMNS)}) values (:{', :'.join(COLUMNS)})")


def schedule_rows() -> list[dict[str, Any]]:
    """The rows of the platform's schedule that its feed brought: a third of them without team ids."""
    rows = [{name: row[name] or None for name in COLUMNS} for row in rows_of("schedule") if row["away_team"]]
    return [row for row in rows if not str(row["home_team"]).startswith("Ghost")]


def load_schedule(engine: Engine, rows: Sequence[dict[str, Any]]) -> int:
    """Replace the schedule but for practices, as the platform does before it loads; the rows that were lost."""
    with engine.begin() as connection:
        connection.execute(text("delete from schedule where home_team not like '%Practice%'"))
    return append_schedule(engine, rows)


def append_schedule(engine: Engine, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows batch by batch; the rows of batches that failed."""
    source, lost = iter(rows), 0
    while batch := list(islice(source, BATCH)):
        try:
            with engine.begin() as connection:
                connection.execute(INSERT, batch)
        except DBAPIError:
            lost += len(batch)
    return lost
