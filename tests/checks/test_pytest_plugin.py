"""`pytest --rally-rules`: each rule is a test item."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine

from checks.engine.judging.judge import Waiver
from checks.waivers import waive
from etl.tables import leagues, schedule

pytest_plugins = ["pytester"]

RULES = '''
from sqlalchemy import func

from checks import Row, Severity, above, percent, row_check
from etl.tables import clubs, schedule

@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1), critical=percent(5)))
def plugin_nowhere(row: Row):
    """A match without a place."""
    return row.location.is_(None)

@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1)))
def plugin_late(row: Row):
    """A match after the season."""
    return row.home_team == "late"

@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1)))
def plugin_broken(row: Row):
    """Divides by zero."""
    return func.div(1, row.league_id - 1) > 0

@row_check(clubs, severity=Severity.HIGH, threshold=above(warn=percent(1)))
def plugin_empty(row: Row):
    """A club without a name."""
    return row.name == ""

@row_check(schedule, severity=Severity.HIGH, threshold=above(warn=percent(1)))
def plugin_fine(row: Row):
    """A match at home against itself."""
    return row.home_team == row.away_team
'''


@pytest.fixture
def season(database: Engine) -> str:
    """URL of a database with two matches."""
    row = {"match_date": "2025-01-07", "away_team": "BYE", "league_id": 1}
    with database.begin() as connection:
        connection.execute(leagues.insert(), [{"id": 1, "league_id": "L", "league_name": "x"}])
        connection.execute(schedule.insert(), [{"home_team": name, **row} for name in ("early", "late")])
    return database.url.render_as_string(hide_password=False)


def plugged(pytester: pytest.Pytester, database: str) -> tuple[str, ...]:
    """The options that run the rules above, and ours, on a database."""
    pytester.makepyfile(plugged_rules=RULES)
    return ("--rally-rules", "--rally-database", database, "--rally-source", "plugged_rules.py", "-p", "no:xdist")


@pytest.mark.slow
def test_each_rule_is_an_item(pytester: pytest.Pytester, season: str) -> None:
    options = plugged(pytester, season)

    ran = pytester.runpytest_subprocess(*options, "-k", "plugin_", "-rA", "-v")

    ran.assert_outcomes(passed=2, failed=2, skipped=1)
    ran.stdout.fnmatch_lines([
        "*CRITICAL plugin_nowhere: A match without a place.",
        "*2 of 2 (100 %); warn above 1 %, critical above 5 %",
        '*match_date="2025-01-07" home_team="early" away_team="BYE" league_id=1',
    ])  # fmt: skip
    ran.stdout.fnmatch_lines(["*ERROR plugin_broken: Divides by zero."])
    ran.stdout.fnmatch_lines(["*WARN plugin_late: A match after the season."])


@pytest.mark.slow
def test_what_is_waived_passes(pytester: pytest.Pytester, season: str, database: Engine) -> None:
    options = plugged(pytester, season)
    waiver = Waiver(rule="plugin_nowhere", owner="kim", reason="courts come later", until=date(2100, 1, 1))
    with database.begin() as connection:
        waive(connection, waiver, None, today=date(2025, 1, 1))

    ran = pytester.runpytest_inprocess(*options, "-k", "plugin_nowhere")

    ran.assert_outcomes(passed=1)


@pytest.mark.slow
def test_rules_are_chosen_by_domain_and_tag(pytester: pytest.Pytester) -> None:
    options = ("--rally-rules", "--rally-database", "postgresql://nowhere/x", "--collect-only", "-q", "-p", "no:xdist")

    ran = pytester.runpytest_inprocess(*options, "-k", "schedule and gate")

    ran.stdout.fnmatch_lines(["*schedule::team_without_schedule", "*/* tests collected (* deselected) in *"])
    ran.stdout.no_fnmatch_line("*gap_in_league_schedule")


@pytest.mark.slow
def test_a_database_without_our_tables_is_measured_too(
    pytester: pytest.Pytester, season: str, database: Engine
) -> None:
    options = plugged(pytester, season)
    with database.begin() as connection:
        connection.exec_driver_sql("drop schema quality cascade")

    ran = pytester.runpytest_inprocess(*options, "-k", "plugin_nowhere")

    ran.assert_outcomes(failed=1)


def test_without_the_option_there_are_no_rules(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")

    pytester.runpytest_inprocess("-p", "no:xdist").assert_outcomes(passed=1)


def test_rules_need_a_database(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_inprocess("--rally-rules", "-p", "no:xdist")

    ran.stderr.fnmatch_lines(
        ["ERROR: --rally-rules needs a database: add --rally-database URL or the ini rally_database"]
    )
