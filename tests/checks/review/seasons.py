"""The planted season: sixty nights, and on which of them something happened."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from checks.engine.authoring.units import Status
from etl.tables import acceptances, import_stops, repairs, waivers
from tests.checks.review.plant import Figures, Plant, season

NIGHTS = 60
FIRST = datetime(2025, 5, 2, 6, tzinfo=UTC)
LAST = FIRST + timedelta(days=NIGHTS - 1)
NOW = LAST + timedelta(hours=1)
NOON = FIRST + timedelta(days=57, hours=6)

RISES_BY = 1.2
"""Rows of 10,000 a night; from 10 rows on, and the limit of one in a hundred is crossed on this night."""
CROSSES_ON = FIRST + timedelta(days=(100 - 10) / RISES_BY)
OUTAGE = range(20, 23)
RECURS = ({10, 11}, {25, 26}, {40, 41}, {55})
NO_CHECK = 44
NO_IMPORT = {34, 35}
BLOCKED = {12, 48}
DENT = 50


def figures(night: int) -> Figures:
    """What the rules read on a night."""
    chance = random.Random(night)  # noqa: S311 - sample data
    copies = 21 if any(night in group for group in RECURS) else 0
    return {
        "match_without_teams": (round(10 + RISES_BY * night + chance.uniform(-3, 3)), 10_000),
        "match_with_one_team": (0, 10_000),
        "player_without_team": (round(90 - night + chance.uniform(-2, 2)), 10_000),
        "team_without_schedule": (205 if night in OUTAGE else 2, 727),
        "duplicate_match": (copies, 7_000),
        "duplicate_team": (0, 727),
        "match_of_unknown_team": (0, 7_000),
        "standing_without_team": (30 + night % 3, 1_000),
        "team_without_captain": (4 + night % 2, 600),
        "matches_in_schedule": 5_600.0 if night == DENT else 7_000.0 + night % 5,
        "hours_since_successful_import": 0.6 + 24 * len({one for one in NO_IMPORT if one <= night < 36}),
    }


def plant_season(plant: Plant) -> None:
    """All of it."""
    for night in range(NIGHTS):
        if night not in NO_IMPORT:
            began = FIRST + timedelta(days=night, hours=-1)
            blocked: dict[str, Any] = {"outcome": "blocked", "reasons": ["the feed has 40 % fewer rows"], "updated": 0}
            plant.imported(began, **(blocked if night in BLOCKED else {}))
    season(plant, FIRST, NIGHTS, figures, {NO_CHECK})
    plant_incidents(plant)
    plant_runs_apart(plant)
    plant_deeds(plant)


def plant_runs_apart(plant: Plant) -> None:
    """Runs that say nothing of the whole today, each with figures that would show: one league, 2030, one rule."""
    disaster = {name: (value[1], value[1]) for name, value in figures(0).items() if isinstance(value, tuple)}
    plant.run(NOON, disaster, kept={"scoped": True, "selection": "all, league CITA"})
    in_2030 = {"another_day": True, "today": date(2030, 1, 1)}
    plant.run(NOON + timedelta(days=1), disaster, kept=in_2030)
    plant.run(LAST + timedelta(minutes=30), {"duplicate_team": (0, 727)}, kept={"selection": "duplicate_team"})


def plant_deeds(plant: Plant) -> None:
    """What people did: a waiver that was withdrawn, one that holds, an acceptance, a stop of imports and a repair."""
    rows: list[tuple[Any, dict[str, Any]]] = [
        (waivers, {"rule": "duplicate_match", "owner": "kim", "reason": "the feed is mended on Friday",
                   "until": date(2025, 7, 31), "created_at": FIRST + timedelta(days=41), "created_by": "kim",
                   "withdrawn_at": FIRST + timedelta(days=42), "withdrawn_by": "robin"}),
        (waivers, {"rule": "standing_without_team", "owner": "lee", "reason": "no teams in summer",
                   "until": date(2025, 9, 1), "created_at": FIRST - timedelta(days=70)}),
        (acceptances, {"rule": "matches_in_schedule", "value": 7_000.0, "reason": "a league left",
                       "accepted_by": "robin", "accepted_at": FIRST + timedelta(days=51)}),
        (import_stops, {"at": FIRST + timedelta(days=20, hours=1), "by": "kim", "reason": "205 teams without matches",
                        "resumed_at": FIRST + timedelta(days=20, hours=3), "resumed_by": "lee"}),
        (repairs, {"rule": "team_without_schedule", "summary": "203 teams linked", "state": "applied",
                   "applied_at": FIRST + timedelta(days=20, hours=2), "applied_by": "lee"}),
        (repairs, {"rule": "duplicate_team", "summary": "before the period", "state": "applied",
                   "applied_at": FIRST - timedelta(days=9), "applied_by": "lee"}),
    ]  # fmt: skip
    for table, row in rows:
        plant.connection.execute(table.insert(), row)


def plant_incidents(plant: Plant) -> None:
    """One CRITICAL incident that is repaired in time, one that is not, and one that goes on."""

    def at(night: int, hours: float = 0, minutes: float = 0) -> datetime:
        return FIRST + timedelta(days=night, hours=hours, minutes=minutes)

    plant.incident("team_without_schedule", Status.CRITICAL, [
        ("opened", at(20)), ("told", at(20, minutes=1)), ("acknowledged", at(20, minutes=13)),
        ("resolved", at(20, 3, 25)),
    ])  # fmt: skip
    plant.incident("duplicate_match", Status.WARN, [
        ("opened", at(40)), ("told", at(40, minutes=2)), ("acknowledged", at(40, minutes=42)), ("resolved", at(42)),
        ("reopened", at(55)), ("told", at(55, minutes=2)), ("resolved", at(55, 20)),
    ])  # fmt: skip
    plant.incident("matches_in_schedule", Status.CRITICAL, [
        ("opened", at(DENT)), ("told", at(DENT, minutes=1)), ("acknowledged", at(DENT, minutes=8)),
        ("resolved", at(DENT, 9, 5)),
    ])  # fmt: skip
    plant.incident("standing_without_team", Status.WARN, [("opened", at(1)), ("told", at(1, minutes=3))])
