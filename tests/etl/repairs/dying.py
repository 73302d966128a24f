"""What a process does that is killed in the middle of a repair.

WHAT is apply, undo or restore; WHEN is the number of the statement that is the last, or `commit`.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path

from sqlalchemy import Engine, event

from checks.engine.collecting.collect import collect
from checks.repairs.apply import apply
from checks.repairs.plan import Means
from checks.scopes import SOURCES
from etl.database import open_engine
from etl.importing.import_run import importer_lock
from etl.repairs.undo import undo
from etl.restore import Rows, restore
from etl.snapshots import find_snapshot
from tests.checks.rules.entries import NOW, TODAY


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(engine: Engine, when: str) -> None:
    if when == "commit":
        event.listen(engine, "commit", die)
        return
    statements = count(1)

    @event.listens_for(engine, "after_cursor_execute")
    def note(*_: object) -> None:
        if next(statements) == int(when):
            die()


def main(url: str, what: str, target: str, when: str) -> None:
    engine = open_engine(url)
    rules = collect(SOURCES)
    die_at(engine, when)
    with importer_lock(engine) as connection:
        if what == "apply":
            apply(rules, int(target), Means(connection, NOW, TODAY), "kim")
        elif what == "undo":
            undo(connection, int(target), "kim")
        else:
            folder = Path(target)
            restore(connection, find_snapshot(folder, "latest"), "kim", judge=lambda _: "", newer=Rows.DISCARD)
