"""What flows are tested with: a Prefect server, and processes that run a command against it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.flows.prefect.command import Command
from tests.flows.prefect.server import prefect_environment, shared_server


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the Prefect server, one for all processes of the test session."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "prefect"


@pytest.fixture(scope="session")
def prefect_api(prefect_home: Path) -> Iterator[str]:
    """URL of the API of a Prefect server on loopback."""
    with shared_server(prefect_home) as url:
        yield url


@pytest.fixture
def command(database: Engine, tmp_path: Path, prefect_home: Path) -> Command:
    """The command line on a fresh database, without Prefect."""
    url = database.url.render_as_string(hide_password=False)
    environment = {
        **prefect_environment(prefect_home, ""),
        "DATABASE_URL": url,
        "RALLY_REPORTS": str(tmp_path / "logs"),
    }
    return Command(environment, tmp_path)
