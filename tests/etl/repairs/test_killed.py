"""kill -9 in the middle leaves the old state, whole; the repair can be made afterwards."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from checks.engine.collecting.collect import collect
from checks.engine.collecting.rules import Rules
from checks.repairs.apply import apply
from checks.scopes import SOURCES
from etl.importing.import_run import importer_lock
from etl.repairs.ledger import State
from etl.repairs.undo import undo
from etl.restore import Rows, restore
from etl.snapshots import find_snapshot, take_snapshot
from tests.checks.dirt import means, planned, write
from tests.checks.rules.entries import TWO_TEAMS, match
from tests.etl.repairs import dying
from tests.etl.repairs.dump import dump
from tests.forks import Running

pytestmark = pytest.mark.slow
MOMENTS = ["4", "12", "20", "commit"]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return collect(SOURCES)


@pytest.fixture
def dirty(database: Engine) -> Engine:
    """A schedule with many copies."""
    with database.begin() as connection:
        connection.execute(text("alter table schedule drop constraint unique_schedule_match"))
        write(connection, [*TWO_TEAMS, *500 * [match(1, 2)]])
    return database


def killed(engine: Engine, what: str, target: object, when: str) -> None:
    """Let a process do something, and die of SIGKILL on the way."""
    url = engine.url.render_as_string(hide_password=False)
    work = partial(dying.main, url, what, str(target), when)
    ended = Running((), os.environ, Path.cwd(), work=work).end()
    assert ended.code == -signal.SIGKILL, ended.out


@pytest.fixture
def plan(dirty: Engine, rules: Rules) -> int:
    with dirty.begin() as connection:
        found = planned(connection, rules, "duplicate_match").repair
    assert found is not None
    return found.id


@pytest.mark.parametrize("when", MOMENTS)
def test_killed_while_applying(dirty: Engine, rules: Rules, plan: int, when: str) -> None:
    before = dump(dirty)

    killed(dirty, "apply", plan, when)

    with importer_lock(dirty, wait=10):
        assert dump(dirty) == before
    with dirty.begin() as connection:
        assert apply(rules, plan, means(connection), "kim").state is State.APPLIED


@pytest.mark.parametrize("when", ["4", "8", "12", "commit"])
def test_killed_while_undoing(dirty: Engine, rules: Rules, plan: int, when: str) -> None:
    old = dump(dirty)
    with dirty.begin() as connection:
        apply(rules, plan, means(connection), "kim")
    before = dump(dirty)

    killed(dirty, "undo", plan, when)

    with importer_lock(dirty, wait=10):
        assert dump(dirty) == before
    with dirty.begin() as connection:
        undo(connection, plan, "kim")
    assert dump(dirty) == old


@pytest.mark.parametrize("when", [*MOMENTS, "60"])
def test_killed_while_restoring(dirty: Engine, tmp_path: Path, when: str) -> None:
    old = dump(dirty)
    take_snapshot(dirty, tmp_path, "a test", "kim")
    with dirty.begin() as connection:
        connection.execute(text("delete from schedule where id % 3 = 0"))
        connection.execute(text("update schedule set location = 'elsewhere' where id % 3 = 1"))
    before = dump(dirty)

    killed(dirty, "restore", tmp_path, when)

    with importer_lock(dirty, wait=10):
        assert dump(dirty) == before
    with dirty.begin() as connection:
        restore(connection, find_snapshot(tmp_path, "latest"), "kim", judge=lambda _: "", newer=Rows.DISCARD)
    assert dump(dirty) == old
