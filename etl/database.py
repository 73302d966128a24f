"""Engines, what their errors mean, and trying again.

Errors are told apart by SQLSTATE, never by class: psycopg raises OperationalError for a lost server and for a
statement timeout alike. No SQLSTATE at all means connection trouble.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import tenacity
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from etl import DatabaseUnavailable, EtlError, TryAgain

TRANSIENT = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300"})
CONNECTION_CLASS = "08"
UNIQUE_VIOLATION = "23505"  # somebody else inserted the same row between our look and our insert
# One round trip per transaction. SET takes no snapshot, as SELECT set_config() would, so SET TRANSACTION SNAPSHOT can
# follow.
SESSION = "SET LOCAL TimeZone = 'UTC'; SET LOCAL client_connection_check_interval = '500ms'"


class DatabaseUrlError(EtlError):
    """A database URL that cannot be used; the message never holds its password."""


def open_engine(url: str, *, application: str = "rally-health", **options: Any) -> Engine:
    """An engine for a PostgreSQL URL (`postgres://`, `postgresql://` or `postgresql+psycopg://`).

    Every transaction runs in UTC and frees its locks within half a second of its client's death. Nothing depends on
    session state, so a pooler in transaction mode may stand between. Raises DatabaseUrlError.
    """
    # psycopg repeats the password of a malformed URL in its error, SQLAlchemy's parser does not
    try:
        parsed = make_url(url)
    except ArgumentError:
        expected = "postgresql://user:password@host/name"
        raise DatabaseUrlError(f"the database URL cannot be read; expected {expected}") from None
    if parsed.get_backend_name() not in {"postgres", "postgresql"}:
        raise DatabaseUrlError(f"the database is {parsed.get_backend_name()!r}; expected a postgresql:// URL")
    arguments = {"application_name": application, "connect_timeout": 10, "prepare_threshold": None}
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"), connect_args=arguments, **options)
    event.listen(engine, "begin", _prepare)
    return engine


def _prepare(connection: Connection) -> None:
    connection.exec_driver_sql(SESSION)


def sqlstate(error: BaseException) -> str | None:
    """The five-character code of a database error, None for anything else and for lost connections."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return getattr(origin, "sqlstate", None)


def is_transient(error: BaseException) -> bool:
    """Whether another try of the whole transaction can succeed."""
    if isinstance(error, EtlError):
        return error.transient
    if not isinstance(error, DBAPIError):
        return False
    code = sqlstate(error)
    if code is None:
        return error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
    return code in TRANSIENT or code.startswith(CONNECTION_CLASS)


def retryable(error: DBAPIError) -> EtlError | None:
    """The error to raise for another try of the whole transaction, None where no try can help."""
    if sqlstate(error) in {"40001", "40P01", "55P03", UNIQUE_VIOLATION}:
        return TryAgain(describe_error(error))
    return DatabaseUnavailable(describe_error(error)) if is_transient(error) else None


def describe_error(error: BaseException) -> str:
    """An error in words that hold no data: its primary message and SQLSTATE; DETAIL can hold a person's row."""
    diagnostics = getattr(getattr(error, "orig", error), "diag", None)
    primary = getattr(diagnostics, "message_primary", None)
    if primary:
        return f"{primary} (SQLSTATE {sqlstate(error)})"
    if isinstance(error, DBAPIError):
        return f"connection lost or refused ({type(error.orig).__name__})"
    return f"{type(error).__name__}: {error}"


R = TypeVar("R")

RETRIES = 3
FIRST_DELAY = 1.0
DELAYS = [FIRST_DELAY * 3**tried for tried in range(RETRIES)]
JITTER = 0.5


def retried(work: Callable[[], R]) -> R:
    """Do the work, and after a transient failure do it again, as often as Prefect would."""
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(RETRIES + 1),
        wait=tenacity.wait_exponential_jitter(initial=FIRST_DELAY),
        retry=tenacity.retry_if_exception(is_transient),
        reraise=True,
    )
    return attempts(work)
