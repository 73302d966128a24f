"""A server from nothing to a night: checked, deployed twice over what a person paused, stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from flows.bridge import deploy
from tests.conftest import copy_of
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import prefect_environment, shared_server
from tests.flows.bridge.stage import Stage
from tests.forks import Ended

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(
    server: str, template: str, prefect_migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A new server, on which nothing is deployed, and a database with the feeds of a night."""
    home = tmp_path_factory.mktemp("prefect")
    folder = tmp_path_factory.mktemp("worker")
    write(folder / "feeds", "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(folder / "feeds", "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    engine: Engine
    for engine in copy_of(server, template):
        with shared_server(home, prefect_migrated) as url:
            environment = {
                **prefect_environment(home, url), "RALLY_FEEDS": str(folder / "feeds"),
                "DATABASE_URL": engine.url.render_as_string(hide_password=False), "RALLY_REPORTS": str(folder / "logs"),
            }  # fmt: skip
            yield Stage(url, Command(environment, folder))


def check(stage: Stage) -> tuple[int, dict[str, str]]:
    """The exit code of `deploy --check`, and what is to be done for what."""
    ended = stage.command.run("deploy", "--check", "--json")
    return ended.code, {one["what"]: one["todo"] for one in ended.json if not one["in_order"]}


def deployed(stage: Stage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.get(f"deployments/{stage.deployment(name)}")
    return found


def still(stage: Stage) -> tuple[bool, list[bool], list[bool]]:
    """Whether the night is paused, and which schedules of the night and of the hourly watch are on."""
    night, hourly = deployed(stage, "nightly/nightly"), deployed(stage, "health-check/hourly-watch")
    return (
        night["paused"], [one["active"] for one in night["schedules"]], [one["active"] for one in hourly["schedules"]]
    )  # fmt: skip


@pytest.fixture(scope="module")
def first(stage: Stage) -> tuple[int, dict[str, str], Ended]:
    """What the first check of a new server says, and the first deploying."""
    code, todo = check(stage)
    return code, todo, stage.command.run("deploy", "--automations")


@pytest.fixture
def paused(stage: Stage, first: Any) -> Stage:
    """A person has paused the night, and switched off the schedule of the hourly watch."""
    put(stage, night_paused=True, hourly_on=False)
    return stage


@pytest.fixture
def going(stage: Stage, first: Any) -> Stage:
    """Everything is deployed, and goes on."""
    put(stage, night_paused=False, hourly_on=True)
    return stage


def put(stage: Stage, *, night_paused: bool, hourly_on: bool) -> None:
    """Do with two deployments what a person does in the UI."""
    verb = "pause" if night_paused else "resume"
    stage.post(f"deployments/{stage.deployment('nightly/nightly')}/{verb}_deployment", {})
    hourly = deployed(stage, "health-check/hourly-watch")
    (schedule,) = hourly["schedules"]
    stage.patch(f"deployments/{hourly['id']}/schedules/{schedule['id']}", {"active": hourly_on})
    assert still(stage) == (night_paused, [True], [hourly_on])


def test_the_first_check_of_a_new_server_says_what_to_do(first: tuple[int, dict[str, str], Ended]) -> None:
    code, todo, _ = first

    assert code == 1
    assert todo["pool rally"] == "rally-health deploy makes it"
    assert todo["deployments"] == "rally-health deploy"
    assert todo["automations"] == "rally-health deploy --automations"


def test_deploying_says_what_it_changed(first: tuple[int, dict[str, str], Ended]) -> None:
    ended = first[2]

    assert ended.code == 0, ended
    lines = ended.out.splitlines()
    assert lines[0] == "pool rally: made, of type process"
    assert {f"{one.name}: new" for one in deploy.declared().deployments} <= set(lines)
    assert "automation: rally: crashed import" in lines


def test_deploying_again_changes_nothing(stage: Stage, paused: Stage) -> None:
    told = stage.command.run("deploy", "--dry-run").out.splitlines()

    assert told == ["nightly: is paused, and stays so", "hourly-watch: schedule hourly is switched off, and stays so"]


@pytest.mark.parametrize("program", ["prefect deploy --all", "rally-health deploy"])
def test_deploying_asks_nothing_and_what_a_person_paused_stays_paused(paused: Stage, program: str) -> None:
    ended = paused.prefect("deploy", "--all") if "prefect" in program else paused.command.run("deploy")

    assert ended.code == 0, ended
    assert "?" not in ended.out.replace("https://", ""), "it asks"
    assert still(paused) == (True, [True], [False])


def test_a_schedule_that_is_gone_from_the_file_is_taken_off(going: Stage) -> None:
    weekly = going.deployment("health-check/weekly-health-check")
    extra = {"schedule": {"cron": "0 9 * * *", "timezone": "UTC"}, "active": True, "slug": "extra"}
    going.post(f"deployments/{weekly}/schedules", [extra])

    told = going.command.run("deploy", "--dry-run").out

    assert "weekly-health-check: schedule extra 0 9 * * * -> off" in told
    assert going.command.run("deploy").code == 0
    slugs = [one["slug"] for one in deployed(going, "health-check/weekly-health-check")["schedules"]]
    assert slugs == ["weekly"]


def test_status_and_check_name_what_is_paused_and_resume_resumes_it(paused: Stage) -> None:
    code, todo = check(paused)
    status = paused.command.run("etl", "status", "--json")

    assert (code, todo["deployment nightly"]) == (1, "rally-health etl resume, or resume it in the UI")
    assert status.json["paused"] == ["nightly"]

    resumed = paused.command.run("etl", "resume", "--reason", "mended")

    assert "The deployment nightly was paused in Prefect, and is resumed." in resumed.out
    assert not deployed(paused, "nightly/nightly")["paused"]


def test_a_wrong_value_is_refused_before_a_worker_starts(going: Stage) -> None:
    body = {"parameters": {"request": {"kind": "yearly"}}, "state": {"type": "SCHEDULED"}}
    path = f"{going.url}/deployments/{going.deployment('review/weekly-report')}/create_flow_run"

    refused = httpx.post(path, json=body, timeout=60)

    assert refused.status_code == httpx.codes.CONFLICT
    assert "'yearly' is not one of ['daily', 'weekly', 'monthly', 'quarterly', 'annual']" in refused.text


def test_runs_can_be_pruned(going: Stage) -> None:
    assert "0 runs" in going.command.run("deploy", "--prune-runs", "1").out


@pytest.mark.parametrize("key", ["", "admin:wrong"], ids=["missing", "wrong"])
def test_a_key_that_does_not_fit_is_named(locked: str, stage: Stage, key: str) -> None:
    """A server that wants a password answers 401: it is there, and so the check does not say that it is away."""
    assert stage.command.run("import").code == 0
    command = stage.command.under(locked).having(PREFECT_API_AUTH_STRING=key)

    ended = command.run("deploy", "--check")
    checked = command.run("check", "--name", "duplicate_match")

    assert ended.code == 2
    assert "refuses this key (HTTP 401); set PREFECT_API_KEY (Cloud) or PREFECT_API_AUTH_STRING" in ended.err
    assert checked.code == 0, checked
    assert "note: Prefect refuses this client (HTTP 401)" in checked.err


@pytest.fixture(scope="module")
def locked(prefect_migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that wants a password."""
    right = "admin:right"
    home = tmp_path_factory.mktemp("locked")
    with shared_server(
        home, prefect_migrated, PREFECT_SERVER_API_AUTH_STRING=right, PREFECT_API_AUTH_STRING=right
    ) as url:
        yield url


def test_the_answer_of_the_check_is_json_for_programs(stage: Stage) -> None:
    found = json.loads(stage.command.run("deploy", "--check", "--json").out)

    assert {"what", "found", "todo", "in_order"} == set(found[0])
