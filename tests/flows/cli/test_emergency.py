"""`rally-health emergency`: every step, what it leaves stopped, and its record."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from etl.tables import import_feeds, import_runs
from flows.cli.shared import Exit
from tests.checks.dirt import write
from tests.checks.rules.entries import TWO_TEAMS, match
from tests.flows.conftest import Run


@pytest.fixture
def dirty(database: Engine) -> Engine:
    """A match that stands there three times, in a database that was imported into just now."""
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        write(connection, [*TWO_TEAMS, *(match(1, 2, id=number) for number in (1, 2, 3))])
        run = connection.scalar(insert(import_runs).values(outcome="published", paths=[]).returning(import_runs.c.id))
        feed = {"run_id": run, "path": "x", "kind": "schedules", "league": "CNSWPL", "outcome": "published", "rows": 3,
                "records": 3, "finished_at": text("now()")}  # fmt: skip
        connection.execute(insert(import_feeds).values(feed))
    return database


@pytest.mark.usefixtures("few_rules")
def test_nothing_is_repaired_or_resumed_unasked(run: Run, dirty: Engine) -> None:
    ran = run("emergency", "--reason", "captains complain")

    assert ran.code == Exit.CHECKS_FAILED
    assert "imports are stopped since" in ran.out
    assert "CRITICAL duplicate_match: 2 of 3" in ran.out
    assert "duplicate_match: delete 2 of schedule (plan 1); left, rally-health fix apply 1 makes it" in ran.out
    assert "nobody was told: no alert policy is set" in ran.out
    assert run("etl", "status").code == Exit.REFUSED


@pytest.mark.parametrize("rules", ["few_rules", pytest.param("run", marks=pytest.mark.slow, id="every_rule")])
def test_with_yes_it_is_repaired_verified_and_resumed(
    request: pytest.FixtureRequest, rules: str, run: Run, dirty: Engine, tmp_path: Path
) -> None:
    """The record of it is a timeline for the post-mortem."""
    request.getfixturevalue(rules)

    ran = run("emergency", "--reason", "captains [complain](http://x)", "--yes", "--record", tmp_path / "record.md")

    assert "duplicate_match: delete 2 of schedule (plan 1); made, bad rows 2 -> 0" in ran.out
    assert "imports may run again" in ran.out
    assert run("etl", "status").code == Exit.OK
    assert run("fix", "undo", 2, 1).code == Exit.OK
    record = (tmp_path / "record.md").read_text()
    steps = [f"**{step}**" for step in ("stop", "assess", "notify", "repair", "verify", "resume")]
    for line in (*steps, "# Incident of 2", "## Timeline (UTC)", "repair 1 of `duplicate_match`", "## Root cause"):
        assert line in record
    assert "\\[complain\\]" in record


@pytest.mark.usefixtures("few_rules")
def test_without_a_name_the_record_stands_among_the_reports(run: Run, dirty: Engine, tmp_path: Path) -> None:
    ran = run("emergency", "--reason", "a drill", "--no-notify")

    (record,) = (tmp_path / "logs").glob("incident_*.md")
    assert f"The incident record: {record}" in ran.out.replace("\n", "")
    assert "nobody was told: --no-notify" in record.read_text()


@pytest.mark.usefixtures("few_rules")
def test_a_gate_rule_that_stays_critical_keeps_the_imports_stopped(run: Run, dirty: Engine) -> None:
    with dirty.begin() as connection:
        connection.execute(text("alter table schedule drop constraint schedule_team_id_not_null"))
        write(connection, [match(None, None, id=9, home_team="?", away_team="!")])

    ran = run("emergency", "--reason", "captains complain", "--yes")

    assert ran.code == Exit.CHECKS_FAILED
    assert "imports stay stopped: " in ran.out
    assert run("etl", "status").code == Exit.REFUSED


@pytest.mark.usefixtures("few_rules")
def test_what_was_sent_is_counted(run: Run, dirty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts were dispatched a second time, and only that round was counted: "0 messages"."""
    (tmp_path / "policy.toml").write_text('[[people]]\nname = "kim"\nemail = "kim@example.org"\n'
                                          '[[routes]]\nwho = ["kim"]\nby = ["email"]\n')  # fmt: skip
    monkeypatch.setenv("RALLY_ALERTS_POLICY", "policy.toml")

    ran = run("emergency", "--reason", "a drill")

    assert "1 message sent or tried, 1 of them failed or wait for another try" in ran.out
