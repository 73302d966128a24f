"""The planted season in a database, and reviews of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.review.reading import read_book
from checks.review.section import Review, review
from checks.review.values import Period, PeriodKind
from checks.scopes import SOURCES
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NOW, plant_season

Reviewed = Callable[..., Review]


@pytest.fixture(scope="session")
def catalogue() -> Rules:
    """The rules as they are."""
    return collect(SOURCES)


@pytest.fixture
def plant(connection: Connection, catalogue: Rules) -> Plant:
    """An empty past, to be planted."""
    return Plant(connection, catalogue)


@pytest.fixture
def reviewed(plant: Plant, catalogue: Rules) -> Reviewed:
    """Review what was planted."""

    def reviewed(kind: PeriodKind, until: datetime = NOW, days: int | None = None) -> Review:
        period = Period.of(kind, until, days)
        return review(read_book(plant.connection, period), catalogue, period)

    return reviewed


@pytest.fixture
def season(plant: Plant) -> Plant:
    """The planted season."""
    plant_season(plant)
    return plant
