"""Restores a snapshot with the settings of this process, where the rules say that it is no worse than what is there."""

from __future__ import annotations

import getpass

from sqlalchemy import Connection, Engine

from checks.engine.report import Report
from checks.engine.rules import Rules
from checks.engine.run import Options, Request, measure_on
from etl.importing.lock import importer_lock
from etl.snapshots import Restored, Rows, Snapshot, restore
from flows.checking import moment, rules_of, today_here
from flows.repairing import WAIT
from flows.settings import Settings

IMPORTS = "imports"
"""The domain whose rules look at the import's own ledger, which no snapshot holds."""


def restore_snapshot(
    engine: Engine, settings: Settings, snapshot: Snapshot, *, newer: Rows, anyway: bool = False
) -> Restored:
    """Make the tables what the snapshot holds; refused where its score is below today's, unless `anyway`."""
    every = rules_of(settings)
    rules = every.only(check for check in every.values() if check.domain != IMPORTS)
    with importer_lock(engine, wait=WAIT) as connection:
        before = None if anyway else _measure(connection, rules)
        return restore(
            connection,
            snapshot,
            getpass.getuser(),
            judge=lambda loaded: _objection(before, _measure(loaded, rules)) if before else "",
            newer=newer,
        )


def _measure(connection: Connection, rules: Rules) -> Report:
    request = Request(now=moment(None), today=today_here(), options=Options(details=False))
    return measure_on(connection, rules, request)


def _objection(before: Report, after: Report) -> str:
    if (after.score or 0) >= (before.score or 0):
        return ""
    return f"its score is {after.score}, and that of the database {before.score}; --anyway restores it nevertheless"
