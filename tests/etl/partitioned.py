"""A season of two leagues as feeds, the SQL of docs/SCALING.md that partitions its tables, and a look at all rows."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text

from etl.importing import ImportReport
from etl.importing.declared import Limits
from etl.tables import QUALITY, metadata
from flows.service.demo import season
from tests.etl.importing.feeds import publish, write

PAGE = Path(__file__).resolve().parents[2] / "docs" / "SCALING.md"
TODAY = date(2025, 3, 1)
SERIES = {"Chicago 1", "Chicago 12", "Series 3"}
PRACTICES = {"11/21/2024", "12/05/2024"}
TIMES = "created_at"
LENIENT = Limits(rejects=1, unlinked=1, shrunk=1)

Feeds = dict[str, list[dict[str, Any]]]


def partition(engine: Engine) -> None:
    """Run the SQL of the page, as it stands there."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for block in re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL):
            connection.exec_driver_sql(block)


def feeds_of_a_season() -> Feeds:
    """Two leagues of three series: standings, the schedule, two days of practices told twice, and what was played."""
    made = season(TODAY)
    schedules = [
        row for row in made.schedules
        if row.get("series", row.get("Series")) in SERIES and ("Practice" not in row or row["date"] in PRACTICES)
    ]  # fmt: skip
    return {
        "series_stats": [row for row in made.standings if row["series"] in SERIES],
        "schedules": schedules,
        "match_history": [line for row in schedules if "Practice" not in row for line in _lines(row)],
    }


def _lines(fixture: dict[str, Any]) -> list[dict[str, Any]]:
    """The two courts of a fixture that is over."""
    day = datetime.strptime(fixture["date"], "%m/%d/%Y")  # noqa: DTZ007 - a day, as feeds write it
    people = {
        f"{side} Player {n} ID": f"nndz-{fixture[f'{side.lower()}_team']}-{n}"
        for side in ("Home", "Away")
        for n in (1, 2)
    }
    row = {"league_id": fixture["League"], "Date": f"{day:%d-%b-%y}", "Home Team": fixture["home_team"],
           "Away Team": fixture["away_team"], "Winner": "home"}  # fmt: skip
    if day.date() >= TODAY:
        return []
    return [row | {name: f"{one}-{court}" for name, one in people.items()} | {"Scores": f"6-{court}, 6-2"}
            for court in (1, 2)]  # fmt: skip


def changed(feeds: Feeds) -> Feeds:
    """The feeds a week later: a team spelled anew, a match on a new date, one gone, a result of another season."""
    schedules = [dict(row) for row in feeds["schedules"]]
    matches = [dict(row) for row in feeds["match_history"]]
    renamed = schedules[0]["home_team"]
    for row in schedules:
        if row.get("home_team") == renamed:
            row["home_team"] = renamed.replace(" - ", " ")
    moved = datetime.strptime(schedules[3]["date"], "%m/%d/%Y") + timedelta(days=1)  # noqa: DTZ007 - as above
    schedules[3]["date"] = f"{moved:%m/%d/%Y}"
    del schedules[7]
    # over the border between two partitions
    matches[-1]["Date"] = "28-Jun-24"
    return {**feeds, "schedules": schedules, "match_history": matches}


def imported(engine: Engine, folder: Path, feeds: Feeds, **options: Any) -> ImportReport:
    """Import all feeds in one run."""
    paths = [write(folder, kind, rows, league="all") for kind, rows in feeds.items()]
    return publish(engine, *paths, limits=LENIENT, **options)


def all_rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the platform's tables but for when it was written."""
    found = {}
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table.schema != QUALITY:
                columns = [column for column in table.columns if column.name != TIMES]
                found[table.name] = [tuple(row) for row in connection.execute(select(*columns).order_by(table.c.id))]
    return found


def versions(engine: Engine) -> list[tuple[Any, ...]]:
    """Where each row of the two tables lies and which transaction wrote it."""
    own = "select tableoid::regclass::text as place, ctid::text, xmin::text, id from"
    with engine.begin() as connection:
        rows = connection.execute(text(f"{own} schedule union all {own} match_scores order by 1, 4"))
        return [tuple(row) for row in rows]
