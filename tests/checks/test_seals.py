"""History cannot be rewritten unseen: a trigger refuses it, and who switches the trigger off breaks the chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from checks import Status, history
from checks.seals import verify_history
from etl.tables import import_feeds, import_runs
from tests.alerts.build import report, result

NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def three_runs(database: Engine) -> list[str]:
    """Three stored runs of two results each."""
    runs = [str(uuid4()) for _ in range(3)]
    with database.begin() as connection:
        for number, run in enumerate(runs):
            found = report(result("one", Status.OK), result("two", Status.CRITICAL), at=NOON + timedelta(days=number))
            history.save(connection, replace(found, run=run))
    return runs


def owner(database: Engine, *statements: str, **values: object) -> None:
    """What somebody who owns the tables can do."""
    with database.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement), values)


def test_what_is_written_is_sealed_and_verified(database: Engine, three_runs: list[str]) -> None:
    with database.connect() as connection:
        found = verify_history(connection)

    assert (found.sealed, found.unsealed, found.broken) == (3, 0, ())
    assert len(found.head) == 64


def test_a_seal_covers_the_columns_that_were_there_when_it_was_made(database: Engine, three_runs: list[str]) -> None:
    with database.begin() as connection:
        for table in ("check_runs", "check_results"):
            connection.execute(text(f"alter table quality.{table} add column later text default 'x'"))

    with database.connect() as connection:
        assert verify_history(connection).broken == ()


REWRITES: dict[str, Callable[[Connection], object]] = {
    "a score": lambda c: c.execute(text("update quality.check_runs set score = 100")),
    "a result": lambda c: c.execute(text("delete from quality.check_results where rule = 'two'")),
    "a run": lambda c: c.execute(text("delete from quality.check_runs")),
    "a seal": lambda c: c.execute(text("update quality.check_seals set seal = ''")),
    "all runs": lambda c: c.execute(text("truncate quality.check_runs cascade")),
    "all waivers": lambda c: c.execute(text("truncate quality.waivers")),
    "a feed": lambda c: c.execute(text("update quality.import_feeds set inserted = 0 where outcome = 'published'")),
    "how a feed ended": lambda c: c.execute(text("update quality.import_feeds set outcome = 'failed'")),
    "a feed's row": lambda c: c.execute(text("delete from quality.import_feeds")),
    "how an import ended": lambda c: c.execute(text("update quality.import_runs set outcome = 'failed'")),
    "when an import ended": lambda c: c.execute(text("update quality.import_runs set finished_at = now()")),
    "what became of a part": lambda c: c.execute(text("update quality.import_parts set outcome = 'published'")),
    "why a part was closed": lambda c: c.execute(text("update quality.import_parts set closing = 'published'")),
    "a part's rows": lambda c: c.execute(text("update quality.import_parts set rows = 'x'")),
    "that a part was closed": lambda c: c.execute(text("update quality.import_parts set closed_at = null")),
    "a part": lambda c: c.execute(text("delete from quality.import_parts")),
    "all parts": lambda c: c.execute(text("truncate quality.import_parts")),
    "who withdrew a waiver": lambda c: c.execute(text("update quality.waivers set withdrawn_by = 'mallory'")),
    "that a waiver was withdrawn": lambda c: c.execute(text("update quality.waivers set withdrawn_at = null")),
    "who made a repair": lambda c: c.execute(text("update quality.repairs set applied_by = 'mallory' where id = 1")),
    "what a repair did": lambda c: c.execute(text("update quality.repairs set changes = '[1]' where id = 1")),
    "that a repair was made": lambda c: c.execute(text("update quality.repairs set state = 'planned' where id = 1")),
    "who undid a repair": lambda c: c.execute(text("update quality.repairs set undone_by = 'mallory' where id = 2")),
    "that a repair was undone": lambda c: c.execute(text("update quality.repairs set state = 'applied' where id = 2")),
}
CLOSED = """
insert into quality.import_parts (feed_id, kind, league, path, outcome, counts, profile, closed_at, closing)
    select id, kind, league, path, 'held', '{}', '{}', now(), 'discarded by kim: too old' from quality.import_feeds;
insert into quality.waivers (rule, until, owner, reason, withdrawn_at, withdrawn_by)
    values ('one', '2099-01-01', 'kim', 'drill', now(), 'kim');
insert into quality.repairs (summary, state, applied_by, applied_at) values ('made', 'applied', 'kim', now());
insert into quality.repairs (summary, state, applied_by, applied_at, undone_by, undone_at)
    values ('taken back', 'undone', 'kim', now(), 'kim', now());
"""


@pytest.fixture
def closed_feed(database: Engine) -> None:
    """An import that was published."""
    with database.begin() as connection:
        run = connection.scalar(import_runs.insert().values(outcome="published", paths=[]).returning(import_runs.c.id))
        values = {"run_id": run, "path": "p", "kind": "schedules", "league": "X", "fingerprint": "f", "inserted": 9}
        connection.execute(import_feeds.insert().values(**values, outcome="published"))
        connection.exec_driver_sql(CLOSED)


@pytest.mark.usefixtures("closed_feed")
def test_what_is_closed_can_be_forgotten_and_undone(database: Engine) -> None:
    """What retention and `fix undo` do to rows that are closed."""
    with database.begin() as connection:
        connection.execute(text("update quality.import_parts set rows = null"))
        connection.execute(text("update quality.repairs set state = 'forgotten' where id = 1"))
        connection.execute(text("insert into quality.repairs (summary, state) values ('third', 'applied')"))
        connection.execute(
            text("update quality.repairs set state = 'undone', undone_by = 'kim', undone_at = now() where id = 3")
        )

        states = connection.scalars(text("select state from quality.repairs order by id")).all()

    assert states == ["forgotten", "undone", "undone"]


def test_a_table_whose_triggers_are_off_is_named(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("alter table quality.waivers disable trigger closed_once"))
        connection.execute(text("drop trigger append_only on quality.import_parts"))

        found = verify_history(connection)

    assert found.unguarded == (
        "quality.import_parts can be rewritten: its triggers append_only are off or gone",
        "quality.waivers can be rewritten: its triggers closed_once are off or gone",
    )


@pytest.mark.usefixtures("three_runs", "closed_feed")
@pytest.mark.parametrize("rewrite", REWRITES)
def test_history_is_only_added_to(database: Engine, rewrite: str) -> None:
    with database.connect() as connection, pytest.raises(DBAPIError, match="never changed or deleted"):
        REWRITES[rewrite](connection)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update quality.check_runs set score = 100 where id = :run", "run {run}: it, or a result of it"),
        ("update quality.check_results set status = 'OK' where run_id = :run", "run {run}: it, or a result of it"),
        ("delete from quality.check_results where run_id = :run and rule = 'two'", "run {run}: it, or a result of it"),
        ("delete from quality.check_seals where run_id = :run", "at least one run was removed"),
    ],
)
def test_who_owns_the_tables_rewrites_nothing_unseen(
    database: Engine, three_runs: list[str], statement: str, told: str
) -> None:
    owner(database, statement, run=three_runs[1])

    with database.connect() as connection:
        found = verify_history(connection)

    assert any(told.format(run=three_runs[1]) in line for line in found.broken)
