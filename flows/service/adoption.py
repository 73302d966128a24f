"""Taking a database into use, and leaving it as it was found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from checks.scopes import tables_read
from checks.seals import verify_history
from etl import DatabaseUnavailable, embedded, migrate
from etl.adoption.inspect import Finding, Inspection, Level, inspect_database
from etl.adoption.rights import Readable
from etl.migrate import Adoption, newest
from etl.snapshots import Snapshot, holds_rows
from flows.service.alerts import policy_of
from flows.service.catalogue import rules_of
from flows.service.context import open_engine, rule_account, today_here
from flows.service.repair import snapshot_before
from flows.settings import Settings, SettingsError, unknown_variables

LEAST_FREE = 1 << 30
"""Bytes that should be free where we write."""
SEALS = 100
"""Runs whose seals `doctor` computes anew; it is to answer within seconds."""
MAY_READ_HISTORY = sa.text("""
select bool_and(has_table_privilege(name, 'select'))
from unnest(array['quality.check_runs', 'quality.check_results', 'quality.check_seals']) name
""")


@dataclass(frozen=True, slots=True)
class InitRequest:
    """How a database is taken into use: with constraints that can refuse rows, or for rules alone."""

    constraints: bool = False
    rules_only: bool = False


@dataclass(frozen=True, slots=True)
class Initialised:
    """What came of it, and the snapshot that was taken before, where rows were there."""

    adoption: Adoption
    snapshot: Snapshot | None


def initialise(settings: Settings, request: InitRequest) -> Initialised:
    """Bring the database of the settings to the newest revision, behind a snapshot. Raises NotAdoptable."""
    with open_engine(settings, migrated=False) as engine:
        taken = None
        if not request.rules_only and migrate.current(engine) != newest() and holds_rows(engine):
            taken = snapshot_before(engine, settings, "adoption")
        adoption = migrate.upgrade(
            engine, constraints=request.constraints, rules_only=request.rules_only, readable=readable(settings, engine)
        )
        return Initialised(adoption, taken)


def readable(settings: Settings, engine: Engine) -> Sequence[Readable]:
    """What the role of checks has to see: the tables that the rules of the settings read."""
    read = tables_read(rules_of(settings), datetime.now(UTC), engine.connect)
    return tuple(Readable.of(table, columns) for table, columns in read.items())


def uninstall(settings: Settings) -> tuple[Snapshot | None, tuple[str, ...]]:
    """Take all that `init` added away again, behind a snapshot, and tell what stays."""
    with open_engine(settings, migrated=False) as engine:
        return _last_snapshot(engine, settings), migrate.remove(engine)


def _last_snapshot(engine: Engine, settings: Settings) -> Snapshot | None:
    return snapshot_before(engine, settings, "init --remove") if holds_rows(engine) else None


def examine_database(settings: Settings) -> Inspection:
    """What a person should know: settings, this machine, and the database, where it can be reached.

    Nothing is changed; where no database is set and none was made, none is.
    """
    findings = (*_settings_findings(settings), *_machine_findings(settings))
    if settings.database_url is None and not embedded.exists(settings.data):
        text = f"DATABASE_URL is not set: init makes an embedded PostgreSQL in {settings.data}"
        return Inspection((*findings, Finding("database", Level.OK, text)))
    try:
        with open_engine(settings, migrated=False) as engine:
            seen = readable(settings, engine)
            with engine.begin() as connection:
                revision = _revision_finding(connection)
                inspection = inspect_database(connection, seen)
                history = tuple(_history_findings(connection, revision))
            findings = (*findings, *_rules_finding(settings, engine))
    except DatabaseUnavailable as error:
        away = Finding("database", Level.ERROR, str(error), "start the server, or mend DATABASE_URL")
        return Inspection((*findings, away), reachable=False)
    return Inspection((*findings, revision, *history, *inspection.findings))


GUARDS_BACK = "alter table ... enable trigger ...; find out by whom it was done: rally-health history verify"


def _revision_finding(connection: Connection) -> Finding:
    if not migrate.may_see_revision(connection):
        return Finding("database", Level.WARNING, "its revision is hidden from this account", "grant the rights below")
    revision, wanted = migrate.revision_of(connection), newest()
    if revision == wanted:
        return Finding("database", Level.OK, f"at revision {wanted}")
    at = f"at revision {revision}, the newest is {wanted}" if revision else "not taken into use yet"
    return Finding("database", Level.WARNING, at, "rally-health init")


def _history_findings(connection: Connection, revision: Finding) -> Iterator[Finding]:
    """Whether the seals of the newest runs say that nothing was rewritten, where this account may read them."""
    if revision.level is not Level.OK or not connection.scalar(MAY_READ_HISTORY):
        return
    verified = verify_history(connection, SEALS)
    for line in verified.broken:
        yield Finding("history", Level.ERROR, f"rewritten: {line}", "find out by whom: rally-health history verify")
    for line in verified.unguarded:
        yield Finding("history", Level.ERROR, line, f"switch them on, or bring them back: {GUARDS_BACK}")
    if not verified.broken:
        of_all = f"the newest {SEALS:,} of {verified.sealed:,}" if verified.sealed > SEALS else f"{verified.sealed:,}"
        yield Finding("history", Level.OK, f"the seals of {of_all} runs are whole; history verify looks at all")


def _rules_finding(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Through which account rules are measured, where that is another one or could do more than read."""
    try:
        with rule_account(settings, engine) as account:
            if account.warning:
                text, _, remedy = account.warning.partition("; ")
                yield Finding("rules", Level.WARNING, text, remedy)
            elif account.reader is not None:
                yield Finding("rules", Level.OK, f"measured through {account.reader.url.username}, which can only read")
    except SettingsError as error:
        text, _, remedy = str(error).partition("; ")
        yield Finding("rules", Level.ERROR, text, remedy)


def _settings_findings(settings: Settings) -> Iterator[Finding]:
    day = f"it is {today_here()} where the leagues play: RALLY_TIMEZONE is {settings.timezone}"
    yield Finding("settings", Level.OK, day)
    for complaint in unknown_variables():
        yield Finding("settings", Level.WARNING, complaint, "mend or remove the variable")
    if settings.feeds is not None and not settings.feeds.exists():
        yield Finding("settings", Level.WARNING, f"RALLY_FEEDS: there is no {settings.feeds}", "make the folder")
    if policy_of(settings) is None:
        yield Finding(
            "settings",
            Level.WARNING,
            "nobody is notified of anything",
            "set RALLY_ADMIN_PHONE and RALLY_ADMIN_EMAIL, or RALLY_ALERTS_POLICY",
        )
    else:
        yield Finding("settings", Level.OK, "the alert policy can be read")


def _machine_findings(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("RALLY_DATA", settings.data), ("RALLY_REPORTS", settings.reports)):
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        free = shutil.disk_usage(there).free
        if not os.access(there, os.W_OK):
            yield Finding("disk", Level.ERROR, f"{name}: {folder} cannot be written", "choose another folder")
        elif free < LEAST_FREE:
            yield Finding("disk", Level.WARNING, f"{name}: {free >> 20:,} MB are free in {folder}", "make room")
        else:
            yield Finding("disk", Level.OK, f"{name}: {free >> 30:,} GB are free in {folder}")
