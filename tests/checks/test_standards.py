"""The standards in docs/ say what the rules say."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from checks import Bad, Severity, above, check, percent, row_check
from checks.engine.authoring.decorators import Row
from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.runbooks import with_runbooks
from checks.scopes import SOURCES
from checks.standards import render_standards
from etl.tables import teams

ROOT = Path(__file__).resolve().parents[2]
STANDARDS = ROOT / "docs" / "DATA_QUALITY_STANDARDS.md"


@pytest.fixture(scope="module")
def catalogue() -> Rules:
    return with_runbooks(collect(SOURCES))


def test_the_file_is_up_to_date(catalogue: Rules) -> None:
    assert STANDARDS.read_text(encoding="utf-8") == render_standards(catalogue), "run `rally-health rules docs`"


def test_every_rule_is_in_it_with_its_sql(catalogue: Rules) -> None:
    text = render_standards(catalogue)

    for name in catalogue:
        assert f"\n#### {name}\n" in text
    assert text.count("```sql\n") == len(catalogue)
    assert "\n-- " not in text, "a rule could not be asked"


def test_it_shows_limits_day_and_parameter() -> None:
    @row_check(teams, severity=Severity.LOW, threshold=above(warn=percent(3)), owner="me")
    def unnamed(row: Row) -> Bad:
        """A team has no name."""
        return Bad(row.team_name == "")

    @check(severity=Severity.HIGH, threshold=above(critical=percent(4)), each="league")
    def old(league: int, today: date) -> Bad:
        """A team is old."""
        return Bad(
            select(teams.c.id).where(teams.c.created_at < today, teams.c.league_id == league), among=select(teams.c.id)
        )

    text = render_standards(Rules.of(unnamed, old, domain="mine", provided=("league",)))

    assert "| mine | [unnamed](#unnamed) | LOW | warn above 3 % |  | me |" in text
    assert "HIGH; critical above 4 %. Once per league; below for the one with the id 1." in text
    assert "teams.created_at < '2025-01-15'" in text


def test_runbooks_lead_somewhere(catalogue: Rules) -> None:
    for rule in catalogue.values():
        if rule.mark.runbook:
            file, _, anchor = rule.mark.runbook.partition("#")
            headings = re.findall(r"^## (.+)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, rule.name


def test_runbooks_name_rules_that_exist(catalogue: Rules) -> None:
    text = (ROOT / "docs" / "RUNBOOKS.md").read_text(encoding="utf-8")
    paragraphs = re.findall(r"^Rules?: (.+?)(?:\n\n|\. )", text, re.MULTILINE | re.DOTALL)

    named = {name for paragraph in paragraphs for name in re.findall(r"`(\w+)`", paragraph)}

    assert named <= set(catalogue)
    assert {rule.name for rule in catalogue.values() if rule.mark.runbook} <= named
