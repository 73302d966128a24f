"""What an operator meets: killed, cancelled, paused, away. The data is right, the ledger is right, nights go on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine, text

from tests.conftest import copy_of
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import free_port, kill_server, prefect_environment, shared_server, start_server
from tests.flows.bridge.stage import POOL, Stage, until, worker
from tests.silent import DatabaseProxy, Fault

pytestmark = pytest.mark.slow

IMPORT, NIGHT = "import-feeds/import", "nightly/nightly"
LOOK = "dispatch-alerts/dispatch-alerts"
"""What runs every five minutes, and closes runs that are gone: until then they keep their place in the queue."""
TEAMS = ("Birchwood - 11", "Skokie - 11")
FEW = ["hourly"]
"""A tag of a few rules: a night in trouble need not ask the others, too."""


@pytest.fixture(scope="module")
def deployed(prefect_migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A server of its own on which everything is deployed; no worker is there, and no database."""
    home, folder = tmp_path_factory.mktemp("prefect"), tmp_path_factory.mktemp("worker")
    with shared_server(home, prefect_migrated) as url:
        stage = Stage(url, Command(prefect_environment(home, url), folder))
        done = stage.command.run("deploy", "--automations")
        assert done.code == 0, done
        yield stage


@pytest.fixture
def base(server: str, template: str) -> Iterator[Engine]:
    """A migrated database."""
    yield from copy_of(server, template)


@pytest.fixture
def stage(deployed: Stage, base: Engine, tmp_path: Path) -> Stage:
    """The same with a database, the feeds of a night, and somebody who is to be notified."""
    write(tmp_path / "feeds", "series_stats", [standing(team) for team in TEAMS])
    write(tmp_path / "feeds", "schedules", [fixture(*TEAMS)])
    environment = {
        **deployed.command.environment, "DATABASE_URL": base.url.render_as_string(hide_password=False),
        "RALLY_FEEDS": str(tmp_path / "feeds"), "RALLY_REPORTS": str(tmp_path / "logs"),
    }  # fmt: skip
    # what another test has left in the queue is not for the worker of this one
    for run in deployed.runs(state={"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]}}):
        deployed.post(f"flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLED"}, "force": True})
    return Stage(deployed.url, Command(environment, tmp_path))


@pytest.fixture
def at_work(stage: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The same with a worker."""
    with worker(stage):
        yield stage


def outcomes(base: Engine) -> list[str]:
    """How the imports ended, in the ledger."""
    with base.begin() as connection:
        found = connection.execute(text("select outcome from quality.import_runs order by id")).scalars().all()
    return list(found)


def matches(base: Engine) -> int:
    with base.begin() as connection:
        return int(connection.execute(text("select count(*) from schedule")).scalar_one())


def process_of(stage: Stage, run: str) -> psutil.Process:
    """The process that works on a flow run, once it does."""

    def look() -> psutil.Process | None:
        (found,) = stage.runs(id={"any_": [run]})
        tags = [tag for tag in found["tags"] if tag.startswith("process:")]
        return psutil.Process(int(tags[0].split(":")[2])) if tags else None

    return until(look, f"no process works on flow run {run}")


def waits_for_a_lock(base: Engine) -> None:
    """Come back when an import waits for a lock that the test holds."""
    waiting = text(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        " and application_name = 'rally-health import'"
    )

    def look() -> bool | None:
        with base.connect() as connection:
            return connection.execute(waiting).first() is not None or None

    until(look, "no import waits")


def test_two_imports_at_once_go_one_after_the_other(at_work: Stage, base: Engine) -> None:
    started = [at_work.start(NIGHT, wait=0, tags=FEW), at_work.start(IMPORT, wait=0)]

    first, second = sorted((at_work.ended(run) for run in started), key=lambda run: str(run["start_time"]))

    assert [run["state"]["type"] for run in (first, second)] == ["COMPLETED", "COMPLETED"]
    assert first["end_time"] <= second["start_time"]
    assert sorted(outcomes(base)) == ["published", "unchanged"]


def test_a_cancelled_import_leaves_nothing_half_done(at_work: Stage, base: Engine) -> None:
    with base.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        run = at_work.start(IMPORT)
        waits_for_a_lock(base)
        process = process_of(at_work, run)
        at_work.post(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        cancelled = at_work.ended(run)
        until(lambda: not process.is_running() or None, "the import's process does not end")

    again = at_work.trigger(IMPORT, wait=30)

    assert cancelled["state"]["type"] == "CANCELLED"
    assert again["state"]["name"] == "Published"
    assert (outcomes(base), matches(base)) == (["failed", "published"], 1)


def test_a_killed_import_is_crashed_and_the_next_one_goes_through(at_work: Stage, base: Engine) -> None:
    with base.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        run = at_work.start(IMPORT)
        waits_for_a_lock(base)
        process_of(at_work, run).kill()
        killed = at_work.ended(run)

    again = at_work.trigger(IMPORT, wait=30)

    assert killed["state"]["type"] == "CRASHED"
    assert again["state"]["name"] == "Published"
    assert (outcomes(base), matches(base)) == (["failed", "published"], 1)


def test_a_machine_that_is_lost_leaves_runs_that_the_next_run_closes(
    stage: Stage, base: Engine, tmp_path: Path
) -> None:
    with base.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        with worker(stage) as lost:
            night = stage.start(NIGHT, tags=FEW)
            waits_for_a_lock(base)
            family = [lost, *lost.children(recursive=True)]
            for process in family:
                process.kill()
            psutil.wait_procs(family)
    (child,) = stage.children(night).values()

    with worker(stage):
        stage.trigger(LOOK)
        again = stage.trigger(IMPORT, wait=30)

    assert again["state"]["name"] == "Published"
    assert {stage.ended(run)["state"]["type"] for run in (night, child["id"])} == {"CRASHED"}
    assert (outcomes(base), matches(base)) == (["failed", "published"], 1)


@pytest.mark.long
def test_a_server_that_dies_in_the_middle_costs_the_import_nothing(stage: Stage, base: Engine, tmp_path: Path) -> None:
    home = Path(stage.command.environment["PREFECT_HOME"])
    with worker(stage), base.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        run = stage.start(IMPORT)
        waits_for_a_lock(base)
        process = process_of(stage, run)
        kill_server(home)
        holder.execute(text("rollback"))
        until(lambda: outcomes(base) == ["published"] or None, "nothing was published")
        until(lambda: not process.is_running() or None, "the import's process does not end")
    start_server(home, stage.url)

    with worker(stage):
        stage.trigger(LOOK)
        again = stage.trigger(IMPORT)

    assert again["state"]["name"] == "Unchanged"
    assert stage.ended(run)["state"]["type"] in {"CRASHED", "FAILED"}
    assert (outcomes(base), matches(base)) == (["published", "unchanged"], 1)


def test_nights_without_a_worker_are_caught_up_with(stage: Stage, base: Engine, tmp_path: Path) -> None:
    due = [datetime.now(UTC) - timedelta(days=days) for days in (2, 1)]
    path = f"deployments/{stage.deployment(NIGHT)}/create_flow_run"
    asked: dict[str, Any] = {"parameters": {"request": {"tags": FEW}}}
    bodies = [asked | {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": str(day)}}} for day in due]
    nights = [str(stage.post(path, body)["id"]) for body in bodies]

    with worker(stage):
        ended = [stage.ended(night) for night in nights]

    assert {night["state"]["type"] for night in ended} == {"COMPLETED"}
    assert sorted(outcomes(base)) == ["published", "unchanged"]


def test_a_paused_pool_is_named_and_its_runs_wait(at_work: Stage, base: Engine) -> None:
    at_work.patch(f"work_pools/{POOL}", {"is_paused": True})
    run = at_work.start(IMPORT)
    _, found = checked(at_work)
    before = outcomes(base)
    at_work.patch(f"work_pools/{POOL}", {"is_paused": False})

    assert found[f"pool {POOL}"] == f"prefect work-pool resume {POOL}"
    assert before == []
    assert at_work.ended(run)["state"]["name"] == "Published"


def checked(stage: Stage) -> tuple[int, dict[str, str]]:
    """The exit code of `deploy --check`, and what is to be done for what."""
    ended = stage.command.run("deploy", "--check", "--json")
    return ended.code, {one["what"]: one["todo"] for one in ended.json if not one["in_order"]}


@pytest.mark.long
def test_a_database_that_is_away_in_the_gate_for_a_while_is_waited_for(at_work: Stage, base: Engine) -> None:
    """It comes back after two further tries, the second of which was made after some seconds."""
    with DatabaseProxy(base.url.render_as_string(hide_password=False)) as proxy:
        proxy.fail_at("SAVEPOINT rally", 1, Fault.CUT)
        run = at_work.start(IMPORT, environment={"DATABASE_URL": proxy.url}, kinds=["schedules", "series_stats"])

        def tried_twice() -> list[dict[str, Any]]:
            return [task for task in at_work.tasks(run) if task["run_count"] > 2]

        until(tried_twice, "the import is not tried again")
        proxy.fail_at("", 0, Fault.CUT)
        done = at_work.ended(run)

    assert done["state"]["name"] == "Published", done["state"]
    assert matches(base) == 1


def test_a_database_that_stays_away_is_a_failure_by_name(at_work: Stage) -> None:
    url = f"postgresql://kim@127.0.0.1:{free_port()}/rally"

    state = at_work.trigger(NIGHT, environment={"DATABASE_URL": url})["state"]

    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert "cannot be reached" in state["message"]


def test_a_worker_without_a_database_is_told_what_to_set(stage: Stage, tmp_path: Path) -> None:
    environment = {name: value for name, value in stage.command.environment.items() if name != "DATABASE_URL"}
    lacking = Stage(stage.url, Command({**environment, "RALLY_DATA": str(tmp_path / "data")}, tmp_path))

    with worker(lacking):
        state = lacking.trigger(NIGHT)["state"]

    assert (state["type"], state["name"]) == ("FAILED", "Failed")
    assert "DATABASE_URL is not set where this run works" in state["message"]
