"""The command line in this process or as one of its own, on a database of the test's own; and a Prefect server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from flows.cli import app
from flows.cli.errors import exit_of
from tests.checks.review.plant import Plant
from tests.checks.review.seasons import plant_season
from tests.conftest import copy_of
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import prefect_environment, shared_server

TYPER: Any = import_module("typer.testing")
OURS: Any = import_module("flows.cli.main")
# a process makes its command once, out of the types of all its options; this one makes it once for all that it runs
TYPER._get_command, OURS.load_uncollected = cache(TYPER._get_command), cache(OURS.load_uncollected)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str

    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]
FEW = {"duplicate_match", "match_without_teams", "match_with_one_team", "missing_constraint", "twin_team"}


def run_here(*arguments: object) -> Ran:
    """Run `rally-health` with some arguments in this process."""
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        code = exit_of(result.exception)
        if code is None:
            raise result.exception
        return Ran(code, str(result.exception))
    return Ran(result.exit_code, result.output)


@pytest.fixture(scope="session")
def planted_once(server: str, template: str) -> Iterator[str]:
    """The name of a database with the planted season, to copy from: 60 nights with incidents, messages and imports."""
    for engine in copy_of(server, template):
        with engine.begin() as connection:
            plant_season(Plant(connection, collect(SOURCES)))
        engine.dispose()
        yield str(engine.url.database)


@pytest.fixture
def sixty_nights(database: Engine) -> None:
    """Asks for a database that holds the planted season."""


@pytest.fixture
def database(request: pytest.FixtureRequest, server: str, template: str) -> Iterator[Engine]:
    """A fresh migrated database of the test's own; where the season is asked for, with it."""
    planted = "sixty_nights" in request.fixturenames
    yield from copy_of(server, request.getfixturevalue("planted_once") if planted else template)


@pytest.fixture
def run(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `rally-health` with some arguments; files go below `tmp_path`."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RALLY_REPORTS", str(tmp_path / "logs"))
    monkeypatch.chdir(tmp_path)

    return run_here


@pytest.fixture
def few_rules(run: Run, tmp_path: Path) -> None:
    """Commands know five rules, for tests of what does not depend on more."""
    know_only(tmp_path, *FEW)


def know_only(folder: Path, *names: str) -> None:
    """Have commands that run in a folder know the rules of these names."""
    named = (f'[[rules]]\nname = "{name}"\nenabled = {str(name != "*").lower()}\n' for name in ("*", *sorted(names)))
    (folder / "rally.toml").write_text("".join(named))


@pytest.fixture(scope="session")
def prefect_home(run_folder: Path) -> Path:
    """The home of the Prefect server, one for all processes of the test session."""
    return run_folder / "prefect"


@pytest.fixture(scope="session")
def prefect_migrated(prefect_home: Path) -> Path:
    """The database of a Prefect server that has just been started, for all processes; the first server leaves it."""
    return prefect_home.with_name("prefect-migrated.db")


@pytest.fixture(scope="session")
def prefect_api(prefect_home: Path, prefect_migrated: Path) -> Iterator[str]:
    """URL of the API of a Prefect server on loopback."""
    with shared_server(prefect_home, prefect_migrated) as url:
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
