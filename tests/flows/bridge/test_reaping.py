"""What was killed leaves a flow run that says Running; the next run of any of our flows says what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import Engine, text

from flows.bridge import zombies
from flows.bridge.deploy import client
from flows.bridge.zombies import COMMAND_LINE, ZOMBIE_AGE, process_tag, reap
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.stage import Stage, until
from tests.forks import Running, coded

pytestmark = pytest.mark.slow

ELSEWHERE = "process:another-machine:1:1"


def test_the_flow_run_of_a_killed_import_is_marked_as_crashed_by_the_next_command(
    command: Command, database: Engine, prefect_api: str, tmp_path: Path
) -> None:
    write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(tmp_path, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    stage = Stage(prefect_api, replace(command.under(prefect_api), patient=True))
    with database.begin() as holder:
        holder.execute(text("lock table teams in access exclusive mode"))
        killed = stage.command.fork("import", str(tmp_path / "APTA_CHICAGO"))
        running = {"state": {"type": {"any_": ["RUNNING"]}}, "tags": {"all_": [COMMAND_LINE]}}
        mine = f":{killed.process.pid}:"
        run = until(
            lambda: [one for one in stage.runs(**running) if any(mine in tag for tag in one["tags"])],
            "the import does not run",
        )[0]
        killed.kill()
        killed.end()

    again = stage.command.run("import", str(tmp_path / "APTA_CHICAGO"), "--wait", "5")

    assert again.code == 0, again
    assert stage.ended(run["id"])["state"]["type"] == "CRASHED"
    with database.begin() as connection:
        outcomes = connection.execute(text("select outcome from quality.import_runs order by id")).scalars().all()
    assert outcomes[-1] == "published"
    assert "running" not in outcomes


ENDING = """
import os, pathlib
from checks import Severity, above, percent, row_check
from etl.tables import schedule

@row_check(schedule, severity=Severity.LOW, threshold=above(warn=percent(100)))
def ends_its_process(row):
    marker = pathlib.Path("called")
    if marker.exists():
        os._exit(0)
    marker.touch()
    return row.id > 1
"""
WORK = """
from flows.flows import health_check
from flows.service.requests import CheckRequest
health_check(CheckRequest(names=("ends_its_process",)))
"""


def test_a_rule_that_ends_the_process_of_a_worker_is_a_crash_that_the_next_run_tells(
    command: Command, prefect_api: str
) -> None:
    """Such a process ends with 0, and Prefect takes that for well: the run would be Running for ever."""
    (command.folder / "ending.py").write_text(ENDING)
    here = command.under(prefect_api)
    stage, work = Stage(prefect_api, here), {**here.environment, "RALLY_RULES": "ending.py"}
    running = Running((), work, here.folder, work=coded(WORK))
    mine = f":{running.process.pid}:"

    ended = running.end()
    checks = stage.runs(name={"any_": ["health check"]})
    (run,) = [run for run in checks if any(mine in tag for tag in run["tags"])]
    at_first = run["state"]["type"]
    again = stage.command.run("check", "--name", "duplicate_match")

    assert (ended.code, at_first) == (0, "RUNNING")
    assert again.code in {0, 5}, again
    assert stage.ended(run["id"])["state"]["type"] == "CRASHED"


def test_a_child_of_a_run_that_has_ended_is_closed_and_one_at_work_is_left(stage: Stage) -> None:
    parent = run_of(stage, "night", "COMPLETED")
    at_work = run_of(stage, "night", "RUNNING")
    orphan, working = (
        run_of(stage, "health check", "RUNNING", tags=[ELSEWHERE], parent_task_run_id=task_of(stage, run))
        for run in (parent, at_work)
    )

    reaped(stage)

    assert (state_of(stage, orphan), state_of(stage, working)) == ("CRASHED", "RUNNING")


def test_a_run_of_a_killed_worker_is_closed_by_its_process_and_elsewhere_by_its_age(stage: Stage, night: str) -> None:
    mine = process_tag()
    gone = mine.rpartition(":")[0] + ":1"
    killed, alive, far = (run_of(stage, night, "RUNNING", tags=["rally", tag]) for tag in (gone, mine, ELSEWHERE))

    reaped(stage)
    assert [state_of(stage, run) for run in (killed, alive, far)] == ["CRASHED", "RUNNING", "RUNNING"]

    reaped(stage, datetime.now(UTC) + ZOMBIE_AGE + timedelta(minutes=1))
    assert state_of(stage, far) == "CRASHED"


def test_runs_of_others_are_left_alone(stage: Stage, night: str) -> None:
    foreign = run_of(stage, night, "RUNNING", tags=["theirs"])

    reaped(stage, datetime.now(UTC) + 10 * ZOMBIE_AGE)

    assert state_of(stage, foreign) == "RUNNING"


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name of runs of ours that nobody else on this server has: in hours to come all of them are too old."""
    name = f"night {uuid4()}"
    monkeypatch.setattr(zombies, "RUN_NAMES", [name])
    return name


@pytest.fixture
def stage(command: Command, prefect_api: str) -> Stage:
    return Stage(prefect_api, command.under(prefect_api))


def run_of(stage: Stage, name: str, kind: str, **more: Any) -> str:
    """A flow run of this name in a state."""
    flow = stage.post("flows/", {"name": "tests"})["id"]
    return str(stage.post("flow_runs/", {"flow_id": flow, "name": name, "state": {"type": kind}, **more})["id"])


def task_of(stage: Stage, run: str) -> str:
    """The task run in a flow run that stands for its child."""
    body = {"flow_run_id": run, "task_key": "child", "dynamic_key": "0", "state": {"type": "RUNNING"}}
    return str(stage.post("task_runs/", body)["id"])


def state_of(stage: Stage, run: str) -> str:
    (found,) = stage.runs(id={"any_": [run]})
    return str(found["state"]["type"])


def reaped(stage: Stage, now: datetime | None = None) -> None:
    with temporary_settings({PREFECT_API_URL: stage.url}), client() as api:
        reap(api, now)
