"""An operator's afternoon from docs/PREFECT.md alone: its commands, one after another, on a new server."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.conftest import copy_of
from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import prefect_environment, shared_server
from tests.flows.bridge.stage import ROOT, Stage, worker
from tests.forks import Ended

pytestmark = pytest.mark.slow

FENCES = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
DOCUMENT = (ROOT / "docs" / "PREFECT.md").read_text()
COMMANDS = [
    line.split("  #")[0].strip()
    for block in FENCES.findall(DOCUMENT)
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip()
]
"""Every command of the manual, in its order."""
STARTED_BY_THE_TEST = ("prefect server start", "prefect worker start", "export ", "curl ")
BEFORE_A_WORKER = ["rally-health deploy --check", "rally-health deploy --dry-run", "rally-health deploy --automations"]
CODES = {"rally-health deploy --check": 1}
"""On a new server something is to be done; every other command ends with 0."""
FEEDS = "feeds/2025-06-30T0809/all"


@pytest.fixture(scope="module")
def stage(
    server: str, template: str, prefect_migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """What the manual has one start and export: a server, a database, feeds, an alert policy."""
    home, folder = tmp_path_factory.mktemp("prefect"), tmp_path_factory.mktemp("worker")
    write(folder / FEEDS, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(folder / FEEDS, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    engine: Engine
    for engine in copy_of(server, template):
        with shared_server(home, prefect_migrated) as url:
            environment = {
                **prefect_environment(home, url), "RALLY_FEEDS": str(folder / "feeds"),
                "DATABASE_URL": engine.url.render_as_string(hide_password=False), "RALLY_REPORTS": str(folder / "logs"),
            }  # fmt: skip
            with_programs = f"{Path(sys.executable).parent}:{environment['PATH']}"
            yield Stage(url, Command({**environment, "PATH": with_programs}, folder, cold=True))


def run(stage: Stage, command: str) -> Ended:
    """Run a command of the manual as it stands there; a run of a deployment is waited for."""
    words = shlex.split(command.replace(FEEDS, str(stage.command.folder / FEEDS)))
    if words[0] == "rally-health":
        return stage.command.run(*words[1:])
    return stage.prefect(*words[1:], *(["--watch"] if words[1:3] == ["deployment", "run"] else []))


@pytest.fixture(scope="module")
def afternoon(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The commands of the manual, one by one, with a worker after the first three; and the night after them."""
    commands = [command for command in COMMANDS if not command.startswith(STARTED_BY_THE_TEST)]
    before, after = commands[: len(BEFORE_A_WORKER)], commands[len(BEFORE_A_WORKER) :]
    assert before == BEFORE_A_WORKER

    for command in before:
        ended = run(stage, command)
        assert ended.code == CODES.get(command, 0), (command, ended)
    with worker(stage, cold=True):
        for command in after:
            ended = run(stage, command)
            assert ended.code == CODES.get(command, 0), (command, ended)
        return stage.trigger("nightly/nightly")


def test_after_the_commands_of_the_manual_the_night_goes_on(stage: Stage, afternoon: dict[str, Any]) -> None:
    assert afternoon["state"]["type"] == "COMPLETED", afternoon["state"]
    assert stage.command.run("etl", "status", "--json").json["running"]


def test_what_was_stopped_and_resumed_is_in_the_ledger(stage: Stage, afternoon: dict[str, Any]) -> None:
    stops = stage.command.run("etl", "status", "--json").json["stops"]

    assert [(stop["reason"], stop["resume_reason"]) for stop in stops] == [
        ("the scraper sends last year's season", "the scraper is mended")
    ]
