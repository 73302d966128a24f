"""The planted season in a database, and reviews of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Engine

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.review.reading import read_book
from checks.review.section import Review, review
from checks.review.values import Period, PeriodKind
from checks.scopes import SOURCES
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import NIGHTS, NOW, plant_season
from tests.conftest import copy_of

Reviewed = Callable[..., Review]


@pytest.fixture(scope="session")
def catalogue() -> Rules:
    """The rules as they are."""
    return collect(SOURCES)


@pytest.fixture(scope="session")
def planted_season(server: str, template: str, catalogue: Rules) -> Iterator[tuple[Engine, Plant]]:
    """A database of the planted season, planted once, and what was planted last in it."""
    for engine in copy_of(server, template):
        with engine.begin() as connection:
            plant = Plant(connection, catalogue)
            plant_season(plant)
        yield engine, plant


@pytest.fixture
def plant(request: pytest.FixtureRequest, catalogue: Rules) -> Iterator[Plant]:
    """An empty past, to be planted; where the season is asked for, the past with it. All is rolled back."""
    if "season" not in request.fixturenames:
        yield Plant(request.getfixturevalue("connection"), catalogue)
        return
    with added_to(request.getfixturevalue("planted_season")) as planted:
        yield planted


@contextmanager
def added_to(season: tuple[Engine, Plant]) -> Iterator[Plant]:
    """The planted season, to be added to; what is added is rolled back with the end of the block."""
    engine, planted = season
    with engine.connect() as connection, connection.begin() as transaction:
        yield replace(planted, connection=connection, baseline=deepcopy(planted.baseline))
        transaction.rollback()


@pytest.fixture
def reviewed(plant: Plant, catalogue: Rules) -> Reviewed:
    """Review what was planted."""

    def reviewed(kind: PeriodKind, until: datetime = NOW, days: int | None = None) -> Review:
        period = Period.of(kind, until, days)
        return review(read_book(plant.connection, period), catalogue, period)

    return reviewed


@pytest.fixture
def season(plant: Plant) -> Plant:
    """The planted season, to be added to."""
    return plant


@pytest.fixture(scope="session")
def quarter(planted_season: tuple[Engine, Plant], catalogue: Rules) -> Review:
    """The quarterly review of the season: it has every section."""
    engine, _ = planted_season
    period = Period.of(PeriodKind.QUARTERLY, NOW, NIGHTS)
    with engine.connect() as connection:
        return review(read_book(connection, period), catalogue, period)
