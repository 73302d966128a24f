"""The planted season: sixty nights, and on which of them something happened."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.engine.authoring.units import Status
from tests.checks.review.plant import Figures, Plant, season

NIGHTS = 60
FIRST = datetime(2025, 5, 2, 6, tzinfo=UTC)
LAST = FIRST + timedelta(days=NIGHTS - 1)
NOW = LAST + timedelta(hours=1)

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
