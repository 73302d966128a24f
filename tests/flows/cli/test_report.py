"""`rally-health report` and `rally-health backtest`."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from checks.engine.reporting.report import Report
from checks.review.values import PeriodKind
from etl.tables import deliveries
from flows.service.context import Invocation, invoked
from flows.service.requests import ReviewRequest
from flows.settings import read_settings
from tests.checks.review.seasons import NOW
from tests.flows.conftest import FEW, Run, know_only

DAY = NOW.date().isoformat()
OTHERS = [kind for kind in PeriodKind if kind is not PeriodKind.WEEKLY]


# the page of each kind: tests/checks/review/html
@pytest.mark.usefixtures("sixty_nights")
@pytest.mark.parametrize("kind", [PeriodKind.WEEKLY, *(pytest.param(kind, marks=pytest.mark.slow) for kind in OTHERS)])
def test_a_report_is_written_as_a_page_and_as_json(run: Run, tmp_path: Path, kind: PeriodKind) -> None:
    ran = run("report", kind, "--until", DAY, "--html", "out/report.html", "--json", "out/report.json")

    assert ran.code == 0
    assert f"{kind} report" in ran.out.splitlines()[0]
    assert (tmp_path / "out/report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))["kind"] == kind


@pytest.mark.usefixtures("sixty_nights")
def test_json_on_standard_output_is_nothing_but_json(run: Run) -> None:
    told = run("report", "weekly", "--until", DAY, "--json", "-").json()

    assert told["run"]["score"] == 85.85
    assert [one["title"] for one in told["trends"]] == ["match_without_teams", "player_without_team"]


@pytest.mark.usefixtures("sixty_nights")
def test_a_file_that_cannot_be_written_is_partial(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    assert run("report", "daily", "--html", "taken/report.html").code == 5


def test_a_report_of_nothing_says_what_to_do(run: Run) -> None:
    ran = run("report", "daily")

    assert ran.code == 0
    assert "no health check has run: rally-health check" in ran.out


@pytest.mark.usefixtures("few_rules")
def test_a_report_about_a_real_check(run: Run) -> None:
    run("check")

    told = run("report", "daily", "--json", "-").json()

    assert told["run"]["selection"] == "all"
    assert {one["rule"] for one in told["rules"]} == FEW


@pytest.mark.usefixtures("sixty_nights")
def test_a_backtest_says_on_which_nights_it_would_have_alerted(run: Run) -> None:
    told = run("backtest", "match_without_teams", "--warn", "0.7%", "--json").json()

    alerts = [night for night in told["nights"] if night["would_be"] == "WARN"]
    assert (told["would_alert"], told["did_alert"]) == (len(alerts), 0)
    assert all(night["count"] > 70 for night in alerts)
    assert len(told["nights"]) == 59


@pytest.mark.usefixtures("sixty_nights")
def test_a_backtest_on_a_terminal_begins_with_the_answer(run: Run) -> None:
    ran = run("backtest", "duplicate_match", "--warn", "1%", "--critical", "5%")

    assert ran.out.splitlines()[0] == (
        "duplicate_match, warn above 1 %, critical above 5 %: would have alerted 0 of 59 times; it did 7 times"
    )


def test_a_backtest_without_a_past_says_what_to_do(run: Run) -> None:
    assert "has no stored readings. Next: rally-health check --name twin_team" in run("backtest", "twin_team").out


@pytest.mark.parametrize("arguments", [("no_such_rule",), ("twin_team", "--warn", "many"), ("twin_team", "--as", "x")])
def test_a_backtest_that_makes_no_sense_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("backtest", *arguments).code == 2


def test_the_second_check_says_what_changed(
    run: Run, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know_only(tmp_path, *FEW, "team_without_schedule", "match_of_unknown_team")
    monkeypatch.setenv("RALLY_COVERAGE_FLOOR", "0")  # an empty database has no score otherwise
    run("check")
    with database.begin() as connection:
        connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")

    told = run("check", "--json", "-").json()

    assert told["difference"].startswith("100.00 -> ")
    assert "missing constraint, +1 row" in told["difference"]
    assert [one["key"] for one in told["daily"]] == [
        "schedule_coverage", "rows_without_team_ids", "duplicate_rate", "orphan_rate",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_check_of_another_day_is_compared_with_no_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RALLY_COVERAGE_FLOOR", "0")
    run("check")

    told = run("check", "--today", "2030-01-01", "--json", "-").json()

    assert (told["another_day"], told["difference"]) == (True, None)


def test_reports_that_are_too_old_are_deleted_by_a_check(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    old = [logs / f"monitoring_report_20200101_000000_000000.{kind}" for kind in ("html", "json")]
    then = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    for path in old:
        path.write_text("{}")
        os.utime(path, (then, then))
    monkeypatch.setenv("RALLY_KEEP_REPORTS", "7")

    run("check", "--domain", "teams")

    assert not any(path.exists() for path in old)
    assert len(list(logs.glob("monitoring_report_*"))) == 2


@pytest.mark.usefixtures("sixty_nights")
def test_the_flow_leaves_a_page_and_json_and_says_it_is_done(run: Run, tmp_path: Path) -> None:
    from flows.flows import review  # noqa: PLC0415 - Prefect takes two seconds to import

    with invoked(Invocation(read_settings())):
        state = review.fn(ReviewRequest(kind=PeriodKind.MONTHLY, until=NOW.date()))

    assert (state.name, state.message) == ("Done", "Score 85.85 of 100: watch")
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {
        "review_monthly_20250630.html", "review_monthly_20250630.json",
    }  # fmt: skip


POLICY = """
[[people]]
name = "kim"
email = "kim@example.org"
"""


@pytest.mark.usefixtures("sixty_nights")
def test_a_report_that_cannot_be_mailed_yet_waits_in_the_outbox(
    run: Run, database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setenv("RALLY_ALERTS_POLICY", "policy.toml")

    ran = run("report", "weekly", "--until", DAY, "--email", "kim")

    assert ran.code == 5
    with database.connect() as connection:
        chosen = select(deliveries).where(deliveries.c.reason == "report")
        (row,) = connection.execute(chosen).all()
    assert row.subject == "[Rally] weekly report, Score 85.85 of 100: watch"
    assert row.text.startswith("Rally Data Health, weekly report")
    assert row.html.startswith("<!doctype html>")
    assert "kim@example.org" not in row.text + row.html


def test_a_report_for_a_stranger_is_refused_before_anything_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setenv("RALLY_ALERTS_POLICY", "policy.toml")

    ran = run("report", "weekly", "--email", "robin")

    assert ran.code == 2
    assert ran.out == "'robin' is not among the people: kim"


def test_a_check_leaves_a_page_beside_its_json(run: Run, tmp_path: Path) -> None:
    run("check", "--domain", "teams")

    (page,), (document,) = (list((tmp_path / "logs").glob(f"monitoring_report_*.{kind}")) for kind in ("html", "json"))
    assert page.stem == document.stem
    assert json.loads(document.read_text())["run"] in page.read_text()


def test_a_document_that_cannot_be_written_is_partial_and_loses_no_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(report: Report, **links: str) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.service.report_files.run_page", broken)

    ran = run("check", "--domain", "teams")

    assert ran.code == 5
    assert "the report could not be written as HTML: No space left on device" in ran.out
    (document,) = (tmp_path / "logs").glob("monitoring_report_*.json")
    assert "could not be written as HTML" in json.loads(document.read_text())["complaints"][-1]


def test_the_pages_of_runs_lead_to_each_other(run: Run, tmp_path: Path) -> None:
    """Also as files, and the age of a page stays what it was."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).timestamp() // 1
    for _ in range(3):
        run("check", "--name", "twin_team")
        os.utime(max((tmp_path / "logs").glob("monitoring_report_*.html")), (yesterday, yesterday))

    first, second, third = sorted((tmp_path / "logs").glob("monitoring_report_*.html"))
    led = [re.findall(r'rel="(prev|next)" href="([^"]+)"', one.read_text()) for one in (first, second, third)]
    assert led == [[("next", second.name)], [("prev", first.name), ("next", third.name)], [("prev", second.name)]]
    assert {one.stat().st_mtime for one in (first, second, third)} == {yesterday}
    assert len(list((tmp_path / "logs").glob("*.part"))) == 0


def test_a_folder_that_is_none_is_partial(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("RALLY_REPORTS", str(tmp_path / "taken"))

    ran = run("check", "--domain", "teams")

    assert ran.code == 5
    assert ran.out.count("could not be written as JSON") == 1  # it was told three times
