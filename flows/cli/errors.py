"""Which error ends a command with which exit code, and what is said of it.

It knows the errors of all packages, so `main` imports it only when a command has failed.
"""

from __future__ import annotations

import sys

import typer

from alerts import AlertError
from checks import CheckError
from etl import AccessDenied, EtlError, FeedError, ImporterBusy, NotFound, UnreadableValue
from etl.circuit_breaker import ImportsStopped
from etl.database import DATABASE_ERRORS, DatabaseUrlError, describe_error, own_error
from etl.importing.ledger_queries import AliasError, RejectError
from etl.migrate import NotAdoptable, NotMigrated
from etl.repairs import NoSuchRepair, RepairError
from etl.snapshots import SnapshotError
from flows.cli.process import passed_deadline
from flows.cli.shared import Exit
from flows.service.requests import RequestError
from flows.settings import SettingsError

_BY_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (SettingsError, Exit.USAGE),
    (RequestError, Exit.USAGE),
    (DatabaseUrlError, Exit.USAGE),
    (NotFound, Exit.USAGE),
    (NotMigrated, Exit.USAGE),
    (NotAdoptable, Exit.USAGE),
    (CheckError, Exit.USAGE),
    (AlertError, Exit.USAGE),
    (AliasError, Exit.USAGE),
    (RejectError, Exit.USAGE),
    (AccessDenied, Exit.USAGE),
    (FeedError, Exit.REFUSED),
    (UnreadableValue, Exit.REFUSED),
    (ImportsStopped, Exit.REFUSED),
    (NoSuchRepair, Exit.USAGE),
    (RepairError, Exit.REFUSED),
    (SnapshotError, Exit.REFUSED),
    (ImporterBusy, Exit.BUSY),
    (EtlError, Exit.INFRASTRUCTURE),
    (OSError, Exit.INFRASTRUCTURE),
)


def exit_of(error: BaseException) -> Exit | None:
    """The exit code of an error that has one; None for one that is a bug and deserves its traceback.

    Everything that a person can cause has one: a lost database, a full disk, a folder that cannot be written to.
    """
    meant = own_error(error) or error
    code = next((code for kind, code in _BY_ERROR if isinstance(meant, kind)), None)
    return Exit.INFRASTRUCTURE if code is None and isinstance(error, DATABASE_ERRORS) else code


def said_of(error: BaseException) -> str:
    """An error in a line for a person, with what to do where that is known; it holds no data of rows."""
    meant = own_error(error)
    if meant is not None:
        return str(meant)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return describe_error(error) if isinstance(error, DATABASE_ERRORS) else str(error) or type(error).__name__


def _with_deadline(code: Exit, text: str) -> str:
    """What is said of an error; of the database's trouble after the deadline, that it is that."""
    late = passed_deadline() if code is Exit.INFRASTRUCTURE and DEADLINE not in text else ""
    blamed = text[text.index(BLAMED) :] if BLAMED in text else ""
    return f"{late}{blamed}" if late else text


DEADLINE, BLAMED = "RALLY_DEADLINE", "; it waited for "


def fail(error: Exception) -> None:
    """End the process with one line and the exit code of an error; return where it is a bug."""
    code = exit_of(error)
    if code is not None:
        typer.secho(f"error: {_with_deadline(code, said_of(error))}", fg=typer.colors.RED, err=True)
        sys.exit(code)
