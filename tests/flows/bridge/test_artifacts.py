"""What Prefect's UI shows of a run, as text and rows."""

from __future__ import annotations

from checks.engine.reporting.report import Report
from flows.bridge import artifacts
from tests.checks.render.test_render import ALL, CRITICAL, HOSTILE, report, result


def test_a_failing_rule_is_told_with_where_its_rows_are() -> None:
    assert artifacts.failing_text(ALL).splitlines()[:5] == [
        "### 🔴 without\\_teams",
        "",
        "A match without teams. 62 of 10,000 (0.62 %); warn above 1 %; -12.30 points",
        "",
        "- 58 of 62 in CNSWPL, series 12",
    ]


def test_a_rule_that_could_not_be_measured_says_why() -> None:
    assert "could not be measured: division by zero (SQLSTATE 22012)" in artifacts.failing_text(ALL)


def test_without_trouble_nothing_is_to_be_looked_at() -> None:
    assert artifacts.failing_text(report(result("fine"))) == "No rule is failing."


def test_no_key_of_a_row_is_shown() -> None:
    for text in (artifacts.failing_text(ALL), artifacts.score_text(ALL), str(artifacts.rules_table(ALL))):
        assert "Skokie" not in text


def test_the_score_stands_with_those_of_the_domains() -> None:
    text = artifacts.score_text(ALL)

    assert text.startswith("# Score 72.50 of 100: critical\n")
    assert "| schedule | 72.50 |" in text


def test_every_result_is_a_row_worst_first() -> None:
    rows = artifacts.rules_table(ALL)

    assert [row["rule"] for row in rows] == [one.title for one in ALL.results]
    assert rows[0]["found"] == "62 of 10,000 (0.62 %)"
    assert rows[0]["points"] == 12.3


def test_each_selection_has_a_history_of_its_own() -> None:
    keys = [artifacts.key("score", name) for name in ("all", "tag daily", "league CNSWPL")]

    assert keys == ["rally-score", "rally-score-tag-daily", "rally-score-league-cnswpl"]


def test_names_mean_nothing_to_markdown() -> None:
    hostile: Report = report(result(CRITICAL.rule, CRITICAL.status, parameter=HOSTILE, summary=HOSTILE))

    assert "<script>" not in artifacts.failing_text(hostile)
