"""The rule about constraints, on a database that has them."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from checks import Status
from checks.engine.collecting.rules import Rules
from tests.checks.rules.ask import result


def test_all_constraints_are_in_force_after_init(catalogue: Rules, connection: Connection) -> None:
    found = result(connection, catalogue, "missing_constraint")

    assert (found.status, found.count) == (Status.OK, 0)
    assert found.total == 5


@pytest.mark.parametrize(
    "change",
    [
        "alter table schedule drop constraint unique_schedule_match",
        "alter table teams drop constraint unique_team_in_series",
        "alter table match_scores drop constraint match_scores_winner_check",
    ],
)
def test_a_dropped_constraint_is_missing(change: str, catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql(change)

    found = result(connection, catalogue, "missing_constraint")

    assert (found.status, found.count) == (Status.CRITICAL, 1)


def test_a_constraint_that_old_rows_break_is_missing(catalogue: Rules, connection: Connection) -> None:
    """An adopted database takes CHECKs on as NOT VALID: new rows keep to them, old ones need not."""
    name = "schedule_no_self_match"
    connection.exec_driver_sql(f"alter table schedule drop constraint {name}")
    connection.exec_driver_sql(
        f"alter table schedule add constraint {name} check (home_team_id <> away_team_id) not valid"
    )

    found = result(connection, catalogue, "missing_constraint")

    assert found.count == 1
    assert found.examples[0]["constraint"] == name


def test_a_unique_index_of_another_name_is_as_good(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")
    connection.exec_driver_sql("create unique index own on schedule (league_id, match_date, home_team, away_team)")

    found = result(connection, catalogue, "missing_constraint")

    assert found.count == 0
