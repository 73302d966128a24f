"""What a person sees in a browser: the run with its state, its artifacts, and the report that one of them links."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.etl.importing.feeds import fixture, standing, write
from tests.flows.prefect.command import Command
from tests.flows.prefect.stage import Stage, until

pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


@pytest.fixture
def page(tmp_path: Path) -> Browser:
    """A headless browser; skipped where none is installed."""
    if not CHROMIUM:
        pytest.skip("there is no chromium; on Debian: apt-get install chromium")
    return Browser(tmp_path / "profile")


@pytest.fixture
def stage(command: Command, prefect_api: str, tmp_path: Path) -> Stage:
    """A season that was imported and checked under Prefect."""
    write(tmp_path, "series_stats", [standing("Birchwood - 11"), standing("Skokie - 11")])
    write(tmp_path, "schedules", [fixture("Birchwood - 11", "Skokie - 11")])
    command.run("import", str(tmp_path / "APTA_CHICAGO"))
    stage = Stage(prefect_api, command.under(prefect_api))
    assert stage.command.run("check", "--name", "match_with*").code in {0, 1}
    return stage


class Browser:
    """Opens a page, lets it load what it wants to load, and reads what is there then."""

    def __init__(self, profile: Path) -> None:
        self.profile = profile

    def open(self, address: str) -> str:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.profile}"]
        command = [CHROMIUM, *options, "--virtual-time-budget=15000", "--dump-dom", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_a_person_finds_the_run_its_score_and_its_rules(stage: Stage, page: Browser) -> None:
    (run,) = until(lambda: _ended(stage), "the run has not ended")
    artifacts = stage.artifacts(run["id"])
    ui = stage.url.removesuffix("/api")

    shown = page.open(f"{ui}/runs/flow-run/{run['id']}")
    score = page.open(f"{ui}/artifacts/artifact/{artifacts['rally-score-name-match-with']['id']}")
    rules = page.open(f"{ui}/artifacts/artifact/{artifacts['rally-rules-name-match-with']['id']}")
    report = page.open(linked(artifacts["rally-report-name-match-with"]["data"]))

    assert "health check" in shown
    assert run["state"]["name"] in shown
    assert "Score " in score
    assert "schedule" in score
    assert "match_with_one_team" in rules
    assert "<h1>Rally Data Health: health check</h1>" in report
    assert "match_with_one_team" in report
    assert run["state"]["message"].rpartition("run ")[2] in report


def linked(data: str) -> str:
    """The address in a link artifact, which is Markdown."""
    return data.partition("](")[2].rstrip(")")


def _ended(stage: Stage) -> list[dict[str, Any]]:
    runs = stage.runs(state={"type": {"any_": ["COMPLETED", "FAILED"]}}, tags={"all_": ["command-line"]})
    return [run for run in runs if "rally-score-name-match-with" in stage.artifacts(run["id"])][:1]
