"""The demo: the incident of 2025 as it was, what the rules say of it, and what a proper import makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from checks.engine.report import Report
from etl.importing.results import ImportReport
from flows.checking import Wish, check_health
from flows.database import open_engine
from flows.demo.legacy import load_as_in_2025
from flows.demo.season import Season, season
from flows.importing import Delivery, import_all
from flows.settings import Settings


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo saw: the rules before and after the import, and the import."""

    before: Report
    imported: ImportReport
    after: Report


def play(settings: Settings, today: date, tell: Callable[[str], None]) -> Story:
    """Play the demo in an embedded database of its own, below `settings.data`, made anew each time."""
    home = settings.data / "demo"
    shutil.rmtree(home / "feeds", ignore_errors=True)
    own = settings.model_copy(update={"database_url": None, "data": home})
    sample = season(today)
    standings, schedules = write(sample, home / "feeds")
    with open_engine(own) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("drop schema public, quality cascade; create schema public")
        tell(f"A season of {sample.teams} teams, {len(sample.schedules):,} schedule rows, as the old loader left it:")
        import_all(own, Delivery([standings]))
        with engine.begin() as connection:
            load_as_in_2025(connection, sample.schedules)
        before = check_health(own, Wish(today=today))
        tell("The same feeds, imported as they should be:")
        imported = import_all(own, Delivery([standings, schedules]))
        return Story(before, imported, check_health(own, Wish(today=today)))


def write(sample: Season, folder: Path) -> tuple[Path, Path]:
    """Write the season's feeds as scraped JSON: standings and schedules."""
    folder = folder / "all"
    folder.mkdir(parents=True)
    paths = folder / "series_stats.json", folder / "schedules.json"
    for path, rows in zip(paths, (sample.standings, sample.schedules), strict=True):
        path.write_text(json.dumps(rows, indent=1))
    return paths
