"""docs/REFERENCE_FINDINGS.md tells what the rules find in a real season; its figures are measured here again."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Report
from checks.engine.run import Request, run_checks
from checks.scopes import DIMENSIONS
from etl.importing.import_run import import_paths
from etl.importing.options import Options

FINDINGS = Path(__file__).resolve().parents[3] / "docs" / "REFERENCE_FINDINGS.md"
FEEDS = ("2025-06-30T0809/all", "2025-06-21T1154/all/players.json", "2025-07-25T2353/all/match_history.json")
ROW = re.compile(r"\| `(\S+)` \| \w+ \| (\w+) \| ([\d,]+) \| ([\d,]+) \|")


@pytest.fixture
def reference(database: Engine, feeds: Path, catalogue: Rules) -> Report:
    """A run on the season that the document is about."""
    for path in FEEDS:
        import_paths(database, [feeds / path], Options())
    request = Request(now=datetime.now(UTC), today=date(2025, 7, 26), dimensions=DIMENSIONS)
    return run_checks(database, catalogue, request)


@pytest.mark.slow
def test_the_figures_hold(reference: Report) -> None:
    written = {
        match[1]: (match[2], int(match[3].replace(",", "")), int(match[4].replace(",", "")))
        for match in ROW.finditer(FINDINGS.read_text(encoding="utf-8"))
    }

    found = {one.title: (one.status.value, one.count, one.total) for one in reference.results if one.count}

    assert found == written


def test_each_rule_that_fires_was_looked_at() -> None:
    text = FINDINGS.read_text(encoding="utf-8")

    for match in ROW.finditer(text):
        section = text.partition(f"\n### {match[1]}\n")[2].partition("\n###")[0]
        shown = section.count("\n* ")
        assert "True" in section, match[1]
        assert shown >= min(5, int(match[3].replace(",", ""))), match[1]
