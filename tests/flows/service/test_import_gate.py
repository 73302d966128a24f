"""The gate of rules: new dirt is refused, old dirt is not held against new data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Engine, case, false, func, insert, select, text

from checks import Bad, Row, Severity, above, check, percent, row_check, rows
from checks.engine.collecting.rules import Rules
from checks.engine.run import Options as Checking
from etl import DatabaseUnavailable
from etl.importing import FeedResult, Outcome
from etl.importing.options import Allowance
from etl.tables import schedule
from flows.service.import_gate import rule_gate
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
CRITICAL_AT_FIVE = above(warn=percent(1), critical=percent(5))


@row_check(schedule, severity=Severity.HIGH, threshold=CRITICAL_AT_FIVE, tags={"gate"})
def match_nowhere(row: Row) -> ColumnElement[bool]:
    """A match has no location."""
    return row.location.is_(None)


@row_check(schedule, severity=Severity.HIGH, threshold=above(critical=rows(0)), tags={"daily"})
def match_without_time(row: Row) -> ColumnElement[bool]:
    """A match has no time; not tagged for the gate."""
    return row.match_time.is_(None)


ONE_RUNBOOK: Any = {"severity": Severity.HIGH, "threshold": above(critical=rows(0)), "tags": {"gate"}, "runbook": "x"}


@row_check(schedule, **ONE_RUNBOOK)
def timeless(row: Row) -> ColumnElement[bool]:
    """A match has no time."""
    return row.match_time.is_(None)


@row_check(schedule, **ONE_RUNBOOK)
def placeless(row: Row) -> ColumnElement[bool]:
    """A match has no location."""
    return row.location.is_(None)


@row_check(schedule, severity=Severity.HIGH, threshold=above(critical=rows(0)), tags={"gate"})
def broken_rule(row: Row) -> ColumnElement[bool]:
    """It cannot be measured."""
    return row.id / 0 == 1


@row_check(schedule, severity=Severity.HIGH, threshold=above(critical=rows(0)), tags={"gate"})
def away_at_first(row: Row) -> ColumnElement[bool]:
    """The database goes away when it is asked for the first time."""
    first = func.nextval("asked") == 1
    return case((first, func.pg_terminate_backend(func.pg_backend_pid())), else_=false())


Publish = Callable[..., FeedResult]


@pytest.fixture
def publish(database: Engine, tmp_path: Path) -> Publish:
    """Publish fixtures on the days of October 2024 given as {day: changes}, behind a gate of some rules."""
    publish_one(database, write(tmp_path, "series_stats", [standing(name) for name in TEAMS]))

    def publish(days: dict[int, dict[str, str]], *checks: object, **options: object) -> FeedResult:
        gate = rule_gate(Rules.of(*checks, domain="schedule"), Checking(details=False))  # type: ignore[arg-type]
        feed = [fixture(*TEAMS, f"10/{day:02}/2024", **changes) for day, changes in days.items()]
        return publish_one(database, write(tmp_path, "schedules", feed), gate=gate, **options)

    return publish


def sound(*days: int) -> dict[int, dict[str, str]]:
    return {day: {} for day in days}


def nowhere(*days: int) -> dict[int, dict[str, str]]:
    return {day: {"location": ""} for day in days}


def test_new_bad_rows_block_the_feed(publish: Publish, database: Engine) -> None:
    result = publish(sound(1, 2, 3) | nowhere(4), match_nowhere)

    assert result.outcome is Outcome.BLOCKED
    assert result.reasons == ("match_nowhere: 1 new bad row in 4 written: A match has no location.",)
    assert rows_of(database, schedule, "id") == []


def test_as_many_bad_rows_as_before_block_nothing(publish: Publish, database: Engine) -> None:
    with database.begin() as connection:
        values = {"match_date": date(2023, 1, 1), "home_team": "A", "away_team": "B", "home_team_id": 1}
        connection.execute(insert(schedule).values(values))

    assert publish(sound(1, 2, 3), match_nowhere).outcome is Outcome.PUBLISHED


def test_a_share_below_critical_passes(publish: Publish) -> None:
    assert publish(sound(*range(1, 20)) | nowhere(20), match_nowhere).outcome is Outcome.PUBLISHED


def test_a_row_that_went_from_one_rule_of_a_runbook_to_another_is_no_new_trouble(publish: Publish) -> None:
    """On the platform's tables of August 178 matches of no team got one, for the other cannot be stored there."""
    publish({1: {"time": "", "location": "A"}, 2: {"time": "", "location": "B"}})

    moved = publish(nowhere(1) | {2: {"location": "B"}}, timeless, placeless)
    worse = publish(nowhere(1, 2), timeless, placeless)

    assert moved.outcome is Outcome.PUBLISHED
    assert worse.reasons == ("placeless: 1 new bad row in 1 written: A match has no location.",)


def test_a_rule_without_the_tag_is_not_asked(publish: Publish) -> None:
    assert publish({1: {"time": ""}}, match_without_time).outcome is Outcome.PUBLISHED


def test_a_rule_that_cannot_be_measured_blocks(publish: Publish) -> None:
    result = publish(sound(1), broken_rule)

    assert result.outcome is Outcome.BLOCKED
    assert result.reasons[0].startswith("broken_rule: it could not be measured: ")


def test_a_rule_that_is_let_pass_is_recorded(publish: Publish) -> None:
    allow = Allowance(frozenset({"match_nowhere"}), "kim", "the league does not tell")

    result = publish(nowhere(1), match_nowhere, allow=allow)

    assert result.outcome is Outcome.PUBLISHED
    assert [dict(one) for one in result.allowed] == [
        {
            "rule": "match_nowhere",
            "reason": "1 new bad row in 1 written: A match has no location.",
            "who": "kim",
            "why": "the league does not tell",
        }
    ]


def test_the_gate_asks_in_the_transaction_of_the_import(publish: Publish, database: Engine) -> None:
    """The state that it judges is not visible to anybody else: a look from outside would find nothing to object to."""
    publish(nowhere(1, 2), match_nowhere)

    with database.begin() as connection:
        assert connection.scalar(text("select count(*) from schedule")) == 0


def test_rules_of_domains_that_the_feed_cannot_break_are_not_asked(database: Engine, tmp_path: Path) -> None:
    gate = rule_gate(Rules.of(broken_rule, domain="schedule"), Checking(details=False))

    result = publish_one(database, write(tmp_path, "series_stats", [standing(TEAMS[0])]), gate=gate)

    assert result.outcome is Outcome.PUBLISHED


def test_a_database_that_is_away_in_the_gate_is_no_objection_of_a_rule(publish: Publish, database: Engine) -> None:
    """It ended as Blocked, with "it could not be measured", and no one tried again."""
    with database.begin() as connection:
        connection.execute(text("create sequence asked"))

    with pytest.raises(DatabaseUnavailable):
        publish(sound(7, 8), away_at_first)

    assert publish(sound(7, 8), away_at_first).outcome is Outcome.PUBLISHED


@check(severity=Severity.HIGH, threshold=above(critical=rows(0)), tags={"gate"}, owner="schedules")
def match_of_today(today: date) -> Bad:
    """A match is on the day that the rules take for today."""
    return Bad(select(schedule.c.id).where(schedule.c.match_date == today))


def test_rules_compare_with_the_day_where_the_leagues_play(database: Engine, tmp_path: Path) -> None:
    """The gate took the day of UTC, which is another for some hours of each night."""
    publish_one(database, write(tmp_path, "series_stats", [standing(name) for name in TEAMS]))
    gate = rule_gate(Rules.of(match_of_today, domain="schedule"), Checking(details=False), date(2024, 10, 2))

    result = publish_one(database, write(tmp_path, "schedules", [fixture(*TEAMS, "10/02/2024")]), gate=gate)

    assert result.reasons == (
        "match_of_today: 1 new bad row in 1 written: A match is on the day that the rules take for today.",
    )
