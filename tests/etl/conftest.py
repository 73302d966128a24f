"""Databases that are filled once in a session; each test that asks has a copy of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.conftest import copy_of

Fill = Callable[[Engine, Path], object]
"""Fills a database from feeds that it writes to a folder."""
Filled = Callable[[Fill], Engine]

copied = contextmanager(copy_of)


@pytest.fixture(scope="session")
def filled_once(
    server: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Fill], str]]:
    """Gives the name of the migrated database that a function has filled."""
    names: dict[Fill, str] = {}
    with ExitStack() as stack:

        def name_of(fill: Fill) -> str:
            if fill not in names:
                engine = stack.enter_context(copied(server, template))
                fill(engine, tmp_path_factory.mktemp("filled"))
                engine.dispose()  # nobody may be connected to what is copied
                names[fill] = str(engine.url.database)
            return names[fill]

        yield name_of


@pytest.fixture
def filled(server: str, filled_once: Callable[[Fill], str]) -> Iterator[Filled]:
    """Gives a database of the test's own that is as a function fills it, which runs once for all tests."""
    with ExitStack() as stack:
        yield lambda fill: stack.enter_context(copied(server, filled_once(fill)))
