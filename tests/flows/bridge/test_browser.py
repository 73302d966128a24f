"""What a person sees in a browser: the run with its state, its artifacts, and the report that one of them links."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.bridge.command import Command
from tests.flows.bridge.stage import Stage, until

pytestmark = pytest.mark.slow

LOADED = "words => words.every(word => document.documentElement.innerHTML.includes(word))"

Finds = Callable[..., None]


@pytest.fixture
def finds(browser: Any) -> Finds:
    """Open an address and wait until every one of these words stands on the page."""

    def finds(address: str, *words: str) -> None:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function(LOADED, arg=list(words), timeout=60_000)
        page.close()

    return finds


@pytest.fixture
def stage(command: Command, prefect_api: str, tmp_path: Path) -> Stage:
    """A season that was imported and checked under Prefect."""
    write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(tmp_path, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    command.run("import", str(tmp_path / "APTA_CHICAGO"))
    stage = Stage(prefect_api, command.under(prefect_api))
    assert stage.command.run("check", "--name", "match_with*").code in {0, 1}
    return stage


def test_a_person_finds_the_run_its_score_and_its_rules(stage: Stage, finds: Finds) -> None:
    (run,) = until(lambda: _ended(stage), "the run has not ended")
    artifacts = stage.artifacts(run["id"])
    ui = stage.url.removesuffix("/api")
    report = linked(artifacts["rally-report-name-match-with"]["data"])
    number = run["state"]["message"].rpartition("run ")[2]

    finds(f"{ui}/runs/flow-run/{run['id']}", "health check", run["state"]["name"])
    finds(f"{ui}/artifacts/artifact/{artifacts['rally-score-name-match-with']['id']}", "Score ", "schedule")
    finds(f"{ui}/artifacts/artifact/{artifacts['rally-rules-name-match-with']['id']}", "match_with_one_team")
    finds(report, "<h1>Rally Data Health: health check</h1>", "match_with_one_team", number)


def linked(data: str) -> str:
    """The address in a link artifact, which is Markdown."""
    return data.partition("](")[2].rstrip(")")


def _ended(stage: Stage) -> list[dict[str, Any]]:
    runs = stage.runs(state={"type": {"any_": ["COMPLETED", "FAILED"]}}, tags={"all_": ["command-line"]})
    return [run for run in runs if "rally-score-name-match-with" in stage.artifacts(run["id"])][:1]
