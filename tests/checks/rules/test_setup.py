"""The rules about the database itself: its constraints, and how its tables grow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from checks import Status
from checks.engine.collecting.rules import Rules
from checks.engine.reporting.report import Result
from checks.rules import tables
from tests.checks.rules.ask import report as measured
from tests.checks.rules.ask import result


def test_all_constraints_are_in_force_after_init(catalogue: Rules, connection: Connection) -> None:
    found = result(connection, catalogue, "missing_constraint")

    assert (found.status, found.count) == (Status.OK, 0)
    assert found.total == 5


@pytest.mark.parametrize(
    ("table", "constraint"),
    [
        ("schedule", "unique_schedule_match"), ("teams", "unique_team_in_series"),
        ("match_scores", "match_scores_winner_check"),
    ],
)  # fmt: skip
def test_a_dropped_constraint_is_missing(table: str, constraint: str, catalogue: Rules, connection: Connection) -> None:
    """It is named itself, not one of those that are there."""
    connection.exec_driver_sql(f"alter table {table} drop constraint {constraint}")

    found = result(connection, catalogue, "missing_constraint")

    assert found.status is Status.CRITICAL
    assert [dict(key) for key in found.examples] == [{"table": f"public.{table}", "constraint": constraint}]


SCHEDULE_KEY = "(league_id, match_date, home_team, away_team)"


@pytest.mark.parametrize(
    "instead",
    [
        f"create unique index own on schedule {SCHEDULE_KEY} where match_date > '2024-09-01'",
        f"create index own on schedule {SCHEDULE_KEY}",
        "create unique index own on schedule (match_date, home_team, away_team, id)",
        f"create table elsewhere (like schedule); create unique index own on elsewhere {SCHEDULE_KEY}",
    ],
)
def test_a_key_of_a_part_of_other_columns_or_of_another_table_is_not_as_good(
    instead: str, catalogue: Rules, connection: Connection
) -> None:
    """`unique_schedule_match` is asked for on any database, for imports stand on it."""
    connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")
    connection.exec_driver_sql(instead)

    found = result(connection, catalogue, "missing_constraint")

    assert [key["constraint"] for key in found.examples] == ["unique_schedule_match"]


def test_an_index_that_failed_to_be_built_is_not_as_good(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")
    connection.exec_driver_sql(f"create unique index own on schedule {SCHEDULE_KEY}")
    connection.exec_driver_sql("update pg_index set indisvalid = false where indexrelid = 'own'::regclass")

    found = result(connection, catalogue, "missing_constraint")

    assert [key["constraint"] for key in found.examples] == ["unique_schedule_match"]


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


def test_of_what_nobody_recorded_a_constraint_counts_while_it_stands_there(
    catalogue: Rules, connection: Connection
) -> None:
    """One of ours that is not validated is missing; one that an adopted database never had is not asked for."""
    connection.exec_driver_sql("delete from quality.additions where kind = 'constraint'")
    connection.exec_driver_sql("alter table match_scores drop constraint match_scores_winner_check")
    connection.exec_driver_sql("alter table schedule drop constraint schedule_no_self_match")
    connection.exec_driver_sql(
        "alter table schedule add constraint schedule_no_self_match check (home_team_id <> away_team_id) not valid"
    )

    found = result(connection, catalogue, "missing_constraint")

    assert [key["constraint"] for key in found.examples] == ["schedule_no_self_match"]
    assert (found.count, found.total) == (1, 4)


def test_the_key_that_imports_stand_on_is_asked_for_though_nobody_recorded_it(
    catalogue: Rules, connection: Connection
) -> None:
    connection.exec_driver_sql("delete from quality.additions where kind = 'constraint'")
    connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")

    found = result(connection, catalogue, "missing_constraint")

    assert [key["constraint"] for key in found.examples] == ["unique_schedule_match"]


def test_of_what_was_taken_off_only_what_was_recorded_by_its_name_is_missed(
    catalogue: Rules, connection: Connection
) -> None:
    connection.exec_driver_sql("delete from quality.additions where name <> 'schedule_no_self_match'")
    for name in ("schedule_no_self_match", "schedule_team_id_not_null"):
        connection.exec_driver_sql(f"alter table schedule drop constraint {name}")

    found = result(connection, catalogue, "missing_constraint")

    assert [key["constraint"] for key in found.examples] == ["schedule_no_self_match"]
    assert (found.count, found.total) == (1, 4)


def test_a_constraint_of_that_name_on_another_table_is_none_of_this_one(
    catalogue: Rules, connection: Connection
) -> None:
    connection.exec_driver_sql("delete from quality.additions where kind = 'constraint'")
    connection.exec_driver_sql("alter table schedule drop constraint schedule_no_self_match")
    connection.exec_driver_sql("alter table teams add constraint schedule_no_self_match check (id > -1)")

    found = result(connection, catalogue, "missing_constraint")

    assert (found.count, found.total) == (0, 4)


def test_a_unique_index_of_another_name_is_as_good(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql("alter table schedule drop constraint unique_schedule_match")
    connection.exec_driver_sql("create unique index own on schedule (league_id, match_date, home_team, away_team)")

    found = result(connection, catalogue, "missing_constraint")

    assert found.count == 0


COPY = "create table backup (id int, day date not null default '2025-03-01')"
FILLED = "insert into backup (id) select generate_series(1, 15000)"


def rows_of(connection: Connection, catalogue: Rules) -> float | None:
    return result(connection, catalogue, "rows_of_table", "backup", earlier=(10_000.0,) * 3).value


def test_rows_of_a_table_are_the_same_before_and_after_analyze(catalogue: Rules, connection: Connection) -> None:
    """Its estimate goes from -1 to 15,000 there, which is no growth."""
    connection.exec_driver_sql(COPY)
    connection.exec_driver_sql(FILLED)
    before = rows_of(connection, catalogue)
    connection.exec_driver_sql("analyze backup")

    assert (before, rows_of(connection, catalogue)) == (15_000, 15_000)


def test_a_table_that_grew_by_more_than_half_is_told(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql(COPY)
    connection.exec_driver_sql(FILLED)
    usual = result(connection, catalogue, "rows_of_table", "backup", earlier=(10_000.0,) * 3)
    connection.exec_driver_sql("insert into backup values (1)")

    grown = result(connection, catalogue, "rows_of_table", "backup", earlier=(10_000.0,) * 3)

    assert (usual.status, grown.status) == (Status.OK, Status.WARN)


def test_partitions_are_counted_as_their_table(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql(f"{COPY} partition by range (day)")
    connection.exec_driver_sql(
        "create table backup_25 partition of backup for values from ('2025-01-01') to (maxvalue)"
    )
    connection.exec_driver_sql("create table backup_24 partition of backup default")
    connection.exec_driver_sql(FILLED)
    connection.exec_driver_sql("insert into backup select g, '2024-05-06' from generate_series(1, 2500) g")

    assert rows_of(connection, catalogue) == 17_500


def test_a_large_table_is_estimated_once_there_is_an_estimate(
    catalogue: Rules, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LARGEST_COUNTED", 0)
    anew = catalogue.only([replace(catalogue["rows_of_table"])])  # the other one remembers what it has answered
    connection.exec_driver_sql(COPY)
    connection.exec_driver_sql(FILLED)
    before = result(connection, anew, "rows_of_table", "backup", earlier=(10_000.0,) * 3)
    connection.exec_driver_sql("analyze backup")

    assert (before.status, before.value) == (Status.SKIPPED, None)
    assert rows_of(connection, anew) == 15_000


def test_a_table_that_may_not_be_read_is_left_out(catalogue: Rules, connection: Connection) -> None:
    connection.exec_driver_sql(COPY)
    connection.exec_driver_sql("create role counter")
    connection.exec_driver_sql("grant select on teams to counter")
    connection.exec_driver_sql("set local role counter")

    report = measured(connection, catalogue.only([catalogue["rows_of_table"]]))

    assert [(one.parameter, one.error) for one in report.results] == [("teams", "")]


def test_a_table_that_may_not_be_read_is_measured_by_its_size(catalogue: Rules, connection: Connection) -> None:
    """The backup that grew to 3.5 million rows was the platform's own, which no check is let read."""
    connection.exec_driver_sql("create table backup (id int, note text)")
    connection.exec_driver_sql("create role measurer")
    connection.exec_driver_sql("insert into backup select g, repeat('x', 90) from generate_series(1, 30000) g")

    def megabytes() -> Result:
        connection.exec_driver_sql("set local role measurer")
        found = result(connection, catalogue, "megabytes_of_table", "backup", earlier=(1.0,) * 3)
        connection.exec_driver_sql("reset role")
        return found

    grown = megabytes()
    connection.exec_driver_sql("truncate backup")

    assert (grown.error, grown.status) == ("", Status.CRITICAL)
    assert grown.value == pytest.approx(3.9, abs=0.2)
    assert (megabytes().value, megabytes().status) == (1.0, Status.OK)


def test_a_table_that_may_be_read_is_counted_alone(catalogue: Rules, connection: Connection) -> None:
    both = catalogue.only([catalogue["rows_of_table"], catalogue["megabytes_of_table"]])

    assert {one.rule for one in measured(connection, both).results if one.parameter} == {"rows_of_table"}
