"""The demo: the incident of 2025 as it was, what the rules say of it, and what a proper import makes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.report import Report
from checks.repairs import fixable_in_order
from etl.importing.results import ImportReport
from etl.repairs import Repair
from flows.checking import Wish, check_health, rules_of
from flows.database import open_engine
from flows.demo.legacy import load_as_in_2025
from flows.demo.season import Season, season
from flows.importing import Delivery, import_all
from flows.repairing import apply_plan, plan_repairs
from flows.settings import Settings


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo saw: the rules before and after the import, the import, the repairs, and the rules in the end."""

    before: Report
    imported: ImportReport
    after: Report
    repairs: tuple[Repair, ...]
    healed: Report


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
        after = check_health(own, Wish(today=today))
        tell("What an import does not touch, repaired by plans that can be undone:")
        repairs = tuple(repair_all(engine, own))
        return Story(before, imported, after, repairs, check_health(own, Wish(today=today)))


def repair_all(engine: Engine, settings: Settings) -> Iterator[Repair]:
    """Plan and apply one fix after another, as `fix plan` and `fix apply` do."""
    rules = rules_of(settings)
    for check in fixable_in_order(rules):
        (plan,) = plan_repairs(engine, rules, [check.name])
        if plan.repair and not plan.repair.proposal:
            yield apply_plan(engine, settings, plan.repair.id)


def write(sample: Season, folder: Path) -> tuple[Path, Path]:
    """Write the season's feeds as scraped JSON: standings and schedules."""
    folder = folder / "all"
    folder.mkdir(parents=True)
    paths = folder / "series_stats.json", folder / "schedules.json"
    for path, rows in zip(paths, (sample.standings, sample.schedules), strict=True):
        path.write_text(json.dumps(rows, indent=1))
    return paths
