"""What Prefect's UI shows of a run, as text and rows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from checks.engine.reporting.report import Report
from flows.bridge import artifacts
from tests.checks.render.test_render import ALL, CRITICAL, HOSTILE, leagues, report, result
from tests.etl.importing.feeds import fixture, publish, standing, write


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


def test_a_rule_of_many_leagues_is_one_row_and_its_worst_are_named() -> None:
    shown = report(*leagues(404, failing=101))

    assert [row["found"] for row in artifacts.rules_table(shown)] == ["101 of 404 leagues, worst L100 24.8 %"]
    assert artifacts.failing_text(shown).count("###") == 1
    assert "- worst: L100 24.8 %, L099 24.5 %" in artifacts.failing_text(shown)
    assert artifacts.report_event(shown)["failing"] == ["gap_in_league"]


def test_each_selection_has_a_history_of_its_own() -> None:
    keys = [artifacts.key("score", name) for name in ("all", "tag daily", "league CNSWPL")]

    assert keys == ["rally-score", "rally-score-tag-daily", "rally-score-league-cnswpl"]


def test_names_mean_nothing_to_markdown() -> None:
    hostile: Report = report(result(CRITICAL.rule, CRITICAL.status, parameter=HOSTILE, summary=HOSTILE))

    assert "<script>" not in artifacts.failing_text(hostile)


def test_an_import_shows_what_each_part_of_it_changes_in_counts_alone(database: Engine, tmp_path: Path) -> None:
    teams = ("Birchwood - 11", "Tennaqua - 11")
    publish(database, write(tmp_path, "series_stats", [standing(name) for name in teams]))
    week = [fixture(*teams, f"10/{day:02}/2024") for day in range(1, 11)]
    publish(database, write(tmp_path, "schedules", week))
    changed = [fixture(*teams, "10/01/2024", location="Skokie"), *week[1:], fixture(*teams, "10/20/2024")]

    again = publish(database, write(tmp_path, "schedules", changed))

    (line,) = artifacts.changes_table(again)
    told = {name: value for name, value in line.items() if value}
    assert told == {
        "feed": "schedules of APTA_CHICAGO", "outcome": "published", "new": 1, "changed": 1, "unchanged": 9,
        "columns": "location: 1 changed",
    }  # fmt: skip
    assert "Skokie" not in str(line)


def test_a_part_that_is_held_shows_what_it_would_have_changed(database: Engine, tmp_path: Path) -> None:
    teams = ("Birchwood - 11", "Tennaqua - 11")
    publish(database, write(tmp_path, "series_stats", [standing(name) for name in teams]))
    publish(database, write(tmp_path, "schedules", [fixture(*teams, f"10/{day:02}/2024") for day in range(1, 11)]))

    held = publish(database, write(tmp_path, "schedules", [fixture(*teams, "10/02/2024", time="")]))

    (line,) = artifacts.changes_table(held)
    assert (line["outcome"], line["changed"], line["gone"]) == ("held", 1, 9)
    assert line["columns"] == "match_time: 0 changed, 1 emptied"
