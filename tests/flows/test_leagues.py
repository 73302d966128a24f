"""Many leagues and all rules, on threads and on a Dask cluster of two workers: the same results."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from sqlalchemy import Engine, select, text

from checks.engine.collecting.collect import collect
from checks.scopes import SOURCES
from etl.tables import check_runs
from flows.bridge import task_runs as module
from flows.bridge.task_runs import task_runner
from flows.flows import league_checks
from flows.service.context import Invocation, invoked
from flows.service.ending import Ending, StateName
from flows.service.leagues import LeagueResult, of_leagues
from flows.service.requests import LeaguesRequest
from flows.settings import Settings, SettingsError, read_settings
from tests.conftest import copy_of
from tests.flows.bridge.server import free_port
from tests.flows.bridge.stage import until
from tests.leagues import TODAY, fill, of_the_site_alone

pytestmark = pytest.mark.slow

RULES = collect(SOURCES)
Found = dict[str, Any]
MOVING = {"run", "started", "finished", "started_at", "finished_at"}
CONNECTIONS = text("""
select count(*) from pg_stat_activity where application_name like 'rally-health %' and datname = current_database()
""")


@pytest.fixture(scope="module")
def places(pytestconfig: pytest.Config) -> list[str]:
    """The names of the leagues; `make long` has a hundred."""
    return [f"L{number + 1}" for number in range(pytestconfig.getoption("--leagues"))]


@pytest.fixture(scope="module")
def leagues(server: str, template: str, places: list[str]) -> Iterator[Engine]:
    """As many leagues, of which each has other faults than its neighbours."""
    for engine in copy_of(server, template):
        fill(engine, len(places))
        yield engine


@pytest.fixture(scope="module")
def environment(leagues: Engine, prefect_api: str, reports: Path) -> Iterator[Engine]:
    """What workers of a cluster find in their environment."""
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: prefect_api, PREFECT_LOGGING_TO_API_ENABLED: False}),
    ):
        patch.setenv("DATABASE_URL", leagues.url.render_as_string(hide_password=False))
        patch.setenv("RALLY_REPORTS", str(reports))
        patch.setenv("PREFECT_API_URL", prefect_api)
        yield leagues


@pytest.fixture
def six_leagues(server: str, template: str, environment: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Leagues of a test's own: with a history in the database others would find more to measure."""
    for engine in copy_of(server, template):
        fill(engine, 6)
        monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
        yield engine


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def dask(environment: Engine) -> Iterator[str]:
    """The address of a Dask cluster of two workers."""
    with LocalCluster(**module.OWN_CLUSTER) as cluster:  # type: ignore[no-untyped-call]  # distributed leaves it untyped
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def on_threads(environment: Engine, places: list[str]) -> Found:
    """What threads find in every league."""
    return measured("thread", places)


def checked(runner: str, places: list[str], address: str | None = None, **options: Any) -> list[LeagueResult]:
    """What became of the leagues, also where the run ends in a FAILED state."""
    invocation = Invocation(read_settings(task_runner=runner, task_runner_address=address))
    with invoked(invocation):
        request = LeaguesRequest(leagues=tuple(places), **{"today": TODAY, "keep": False, **options})
        league_checks(request, return_state=True)
    if invocation.outcome.error:
        raise invocation.outcome.error
    return list(invocation.outcome.value)


def measured(runner: str, places: list[str], address: str | None = None) -> Found:
    """Measure leagues by all rules; of each, all that does not differ from run to run."""
    return {part.league: (part.ending.name, _still(part.document)) for part in checked(runner, places, address)}


def _still(document: dict[str, Any]) -> dict[str, Any]:
    found = [{name: value for name, value in one.items() if name != "seconds"} for one in document["results"]]
    return {name: value for name, value in document.items() if name not in MOVING} | {"results": found}


def wait_until_closed(engine: Engine) -> None:
    """Wait until the server has noticed that no worker is connected to the database any more."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until(lambda: connection.scalar(CONNECTIONS) == 0 or None, "a worker is still connected")


def test_the_leagues_are_as_different_as_real_ones(environment: Engine, on_threads: Found, places: list[str]) -> None:
    documents = [document for _, document in on_threads.values()]
    results = [result for document in documents for result in document["results"]]

    assert len(documents) == len(places)
    # what only the site has is not there, and nothing else is left out
    assert {result["rule"] for result in results} == RULES.keys() - of_the_site_alone(environment, RULES)
    assert len({result["rule"] for result in results if result["count"]}) > len(RULES) / 3
    assert not [result for result in results if result["status"] == "ERROR"]
    assert len({tuple(result["count"] for result in document["results"]) for document in documents}) > len(places) / 3
    wait_until_closed(environment)


@pytest.mark.long
def test_dask_finds_what_threads_find(environment: Engine, on_threads: Found, places: list[str], dask: str) -> None:
    assert measured("dask", places, dask) == on_threads
    wait_until_closed(environment)


def test_every_league_is_kept_as_a_run_of_its_own(six_leagues: Engine, reports: Path) -> None:
    """On a cluster of the run's own: two processes write into one history at the same time, as they do by default."""
    some = [f"L{number + 1}" for number in range(6)]
    parts = checked("dask", some, names=["duplicate_match", "team_without_schedule"], keep=True)

    with six_leagues.begin() as connection:
        kept = connection.execute(select(check_runs.c.id, check_runs.c.selection)).all()
    assert {row.id for row in kept} == {part.document["run"] for part in parts}
    assert len({row.selection for row in kept}) == len(some)
    assert len(list(reports.glob("*.json"))) == len(some)


@pytest.mark.parametrize("runner", ["thread", "dask"])
@pytest.mark.usefixtures("environment")
def test_a_league_that_is_not_there_does_not_cost_the_others_their_result(runner: str, dask: str) -> None:
    address = dask if runner == "dask" else None
    lost, found = checked(runner, ["L0", "L1"], address, names=["duplicate_match"])

    # of many those that are near are named, of a dozen all
    assert re.match(r"there is no league 'L0'; (did you mean|there are) L\d", str(lost.error))
    assert (lost.ending.name, lost.document) == (StateName.UNKNOWN, {})
    assert found.document["results"]
    assert of_leagues([lost, found]).message.endswith("; not checked: L0")


@pytest.mark.usefixtures("environment")
def test_a_database_that_is_away_fails_the_run_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://kim@127.0.0.1:{free_port()}/rally")
    monkeypatch.setattr(module, "check_league", module.check_league.with_options(retries=0))

    state: Any = league_checks(LeaguesRequest(leagues=("L1", "L2"), today=TODAY, keep=False), return_state=True)

    assert (state.is_failed(), state.name) == (True, "Failed")
    assert "DatabaseUnavailable: the database at postgresql+psycopg://kim@127.0.0.1:" in state.message


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect_dask", None)

    with pytest.raises(SettingsError, match=r"^RALLY_TASK_RUNNER is dask; pip install 'rally-data-health\[dask\]'$"):
        task_runner(Settings(task_runner="dask"))


def test_many_leagues_end_as_the_worst_of_them() -> None:
    parts = [
        LeagueResult(name.value, {}, Ending(name, "x"))
        for name in (StateName.WATCH, StateName.CRITICAL, StateName.HEALTHY)
    ]

    assert of_leagues(parts) == Ending(StateName.CRITICAL, "3 leagues, the worst is Critical: x")
    assert of_leagues([]) == Ending(StateName.UNKNOWN, "there is no league")
