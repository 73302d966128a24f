"""The rule of the README, dropped into a folder as a new user would; the examples of ADDING_A_RULE, collected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from etl.tables import schedule
from flows.cli.shared import Exit
from tests.checks.rules.test_mutation import LEAST_NOTICED
from tests.flows.conftest import Run
from tests.flows.conftest import run as run  # noqa: PLC0414 - a fixture

ROOT = Path(__file__).resolve().parents[2]


def blocks_of(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def python_of(document: str) -> list[str]:
    return blocks_of(document, "python")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the README's rule in it, named in the settings."""
    (rule,) = python_of("README.md")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "winter.py").write_text(rule)
    monkeypatch.setenv("RALLY_RULES", str(tmp_path / "rules"))
    return tmp_path


def test_a_dropped_rule_is_listed(folder: Path, run: Run) -> None:
    assert "A winter league has a match in July." in run("rules", "list", "--name", "match_in_july").out


def test_a_dropped_rule_counts_in_the_score(folder: Path, run: Run, database: Engine) -> None:
    values = {"match_date": "2025-07-04", "home_team": "BYE", "away_team": "B"}
    with database.begin() as connection:
        connection.execute(insert(schedule).values(values))

    report = run("check", "--name", "match_in_july", "--json", "-").json()

    assert [(result["rule"], result["status"]) for result in report["results"]] == [("match_in_july", "CRITICAL")]
    assert report["score"] < 100


def test_a_dropped_rule_has_ten_lines() -> None:
    (rule,) = python_of("README.md")

    assert len([line for line in rule.splitlines() if line.strip()]) <= 10


def test_every_example_of_the_guide_is_a_file_of_rules_that_passes_its_trial(tmp_path: Path, run: Run) -> None:
    for number, example in enumerate(python_of("docs/ADDING_A_RULE.md")):
        (tmp_path / f"example_{number}.py").write_text(example)
    (tmp_path / "match_without_place.sql").write_text(blocks_of("docs/ADDING_A_RULE.md", "sql")[0])

    tried = run("rules", "test", tmp_path)

    assert tried.code == Exit.OK, tried.out
    assert tried.out.splitlines()[-1] == "10 rules tried, 0 failed."


def test_the_rule_of_the_readme_passes_its_trial_as_it_stands(folder: Path, run: Run) -> None:
    """No row made up was one of July: the first rule that a newcomer pastes was said to be one that cannot fail."""
    tried = run("rules", "test", folder / "rules" / "winter.py")

    assert tried.code == Exit.OK, tried.out
    assert tried.out.startswith("ok      match_in_july: it can fail: ")


def test_the_guide_gives_the_share_of_changes_that_is_held_to() -> None:
    """How many of how many they are changes with every rule; a copy of that figure was wrong within days."""
    guide = (ROOT / "docs/ADDING_A_RULE.md").read_text()

    assert f"(below {100 * LEAST_NOTICED:g} % it fails)" in guide


def test_the_lines_of_the_guide_are_a_configuration(tmp_path: Path, run: Run) -> None:
    (tmp_path / "rally.toml").write_text(blocks_of("docs/ADDING_A_RULE.md", "toml")[0])

    listed = run("rules", "list", "--name", "between_players_wins", "--name", "match_without_teams").out

    assert "between_players_wins" in listed
    assert "warn above 2 %" in listed
