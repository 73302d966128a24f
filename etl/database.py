"""Engines, what their errors mean, and trying again.

Errors are told apart by SQLSTATE, never by class: psycopg raises OperationalError for a lost server and for a
statement timeout alike. No SQLSTATE at all means connection trouble.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar

import psycopg
import tenacity
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InvalidRequestError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from etl import (
    AccessDenied,
    DatabaseUnavailable,
    EtlError,
    LockNotFree,
    OutOfSpace,
    OutOfTime,
    TryAgain,
    UnreadableValue,
)
from etl.connections import KEEPALIVE, DeadlinePassed, LimitedConnection, NoAnswer, TimeLimits

log = logging.getLogger("rally.database")

DATABASE_ERRORS = (SQLAlchemyError, psycopg.Error)
"""What a boundary catches. A lost connection shows as any of them: while COPY runs as psycopg's own error, in the
statements after it as PendingRollbackError or as "this Connection is closed"."""
TRANSIENT = frozenset({"40001", "40P01", "57P01", "57P02", "57P03", "53300"})
"""Not 55P03: who waited as long as he may for a lock has waited enough."""
CONNECTION_CLASS = "08"
ENDED = frozenset({"57P01", "57P02", "57P03", "25P03", "25P04"})
"""The server ended the connection: by command, with its own end, or because a transaction was idle or long."""
# a connection that died inside a savepoint leaves a transaction behind that SQLAlchemy calls closed
AFTER_A_LOSS = re.compile(r"closed transaction|[Cc]onnection is closed|invalid transaction is rolled back")
SECRETS = frozenset({"password", "sslpassword", "passfile", "sslkey"})
"""Parts of a URL's query that no message repeats."""


class DatabaseUrlError(EtlError):
    """A database URL that cannot be used; the message never holds its password."""


def open_engine(
    url: str, *, application: str = "rally-health", limits: TimeLimits | None = None, **options: Any
) -> Engine:
    """An engine for a PostgreSQL URL (`postgres://`, `postgresql://` or `postgresql+psycopg://`).

    Every transaction runs in UTC, waits no longer than `limits`, and frees its locks within half a second of its
    client's death. Nothing depends on session state, so a pooler in transaction mode may stand between. Raises
    DatabaseUrlError.
    """
    parsed, bounds = _parsed(url), limits or TimeLimits()
    arguments = {"application_name": application, "connect_timeout": 10, "prepare_threshold": None, **KEEPALIVE}
    # no table of ours has one, and to look for the type cost each engine a statement
    options["use_native_hstore"] = False
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"), connect_args=arguments, **options)

    event.listen(engine, "do_connect", _connecting(bounds))
    event.listen(engine, "checkin", _drop_closed)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_session(bounds)))
    return engine


@dataclass(slots=True)
class _KeptEngine:
    engine: Engine
    users: int = 0
    lock: Lock = field(default_factory=Lock)


MOST_KEPT = 4


@contextmanager
def engine_for(
    url: str, *, application: str, limits: TimeLimits | None, shared: bool = False, **options: Any
) -> Iterator[Engine]:
    """An engine as `open_engine` makes it, for the block; its connections are closed when nobody uses it.

    A `shared` one is that of all blocks of this process that connect alike, side by side or one after the other: what
    it has compiled for one of them it knows for the next.
    """
    # a child of a fork has engines of its own: connections of its parent are none of its business
    made = _kept if shared else _kept.__wrapped__
    kept = made(os.getpid(), url, application, limits, **options)
    with kept.lock:
        kept.users += 1
    try:
        yield kept.engine
    finally:
        with kept.lock:
            kept.users -= 1
            if not kept.users:
                kept.engine.dispose()


@lru_cache(maxsize=MOST_KEPT)
def _kept(_process: int, url: str, application: str, limits: TimeLimits | None, **options: Any) -> _KeptEngine:
    return _KeptEngine(open_engine(url, application=application, limits=limits, **options))


def _connecting(bounds: TimeLimits) -> Callable[..., LimitedConnection]:
    def connect(_dialect: object, _record: object, positional: Any, named: Any) -> LimitedConnection:
        connection: LimitedConnection = LimitedConnection.connect(*positional, **named)
        connection.limits = bounds
        connection.keep_alive()
        return connection

    return connect


def _drop_closed(connection: LimitedConnection | None, record: ConnectionPoolEntry) -> None:
    """A connection that was lost in a commit that took place: nobody has noticed, and nobody needs it any more."""
    if connection is not None and connection.closed:
        record.invalidate()


def _session(bounds: TimeLimits) -> str:
    """What every transaction begins with, in one round trip.

    SET takes no snapshot, as SELECT set_config() would, so SET TRANSACTION SNAPSHOT can follow.
    """
    return (
        "SET LOCAL TimeZone = 'UTC'; SET LOCAL client_connection_check_interval = '500ms';"
        f" SET LOCAL lock_timeout = {_milliseconds(bounds.lock)};"
        f" SET LOCAL statement_timeout = {_milliseconds(bounds.left)};"
        # a network that went silent leaves a transaction behind, with its locks: it is gone before the client gives up
        f" SET LOCAL idle_in_transaction_session_timeout = {_milliseconds(bounds.left)}"
    )


def _milliseconds(seconds: float) -> int:
    return max(1, min(int(seconds * 1000), 2**31 - 1))


EXPECTED = "expected postgresql://user:password@host:port/name"


def _parsed(url: str) -> URL:
    """The parts of a URL; whatever is wrong with one, the message repeats nothing of it, for any part may be cut."""
    # psycopg repeats the password of a malformed URL in its error, SQLAlchemy's parser does so for a port alone
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError(f"the database URL cannot be read; {EXPECTED}") from None
    _refuse_unfit(parsed)
    return parsed


def _refuse_unfit(parsed: URL) -> None:
    backend = parsed.get_backend_name()
    if backend not in {"postgres", "postgresql"}:
        known = backend if backend.isalnum() and len(backend) < 12 else "another one"
        raise DatabaseUrlError(f"the database is {known!r}; expected a postgresql:// URL")
    if parsed.host and not re.fullmatch(r"[A-Za-z0-9._:%-]+", parsed.host):
        raise DatabaseUrlError(
            f"the host of the database URL cannot be read, a password may need %40 for @; {EXPECTED}"
        )
    if parsed.port and not parsed.username and not parsed.database:
        raise DatabaseUrlError(f"the database URL names neither a user nor a database, it may be cut off; {EXPECTED}")


def shown_url(url: URL) -> str:
    """A URL as messages show it: without any password, be it of the user or in the query."""
    query = {name: value for name, value in url.query.items() if name not in SECRETS}
    return url.set(password=None, query=query).render_as_string(hide_password=True)


def without_secrets(text: str, url: URL) -> str:
    """A text of the driver's without the passwords of a URL, should it repeat one."""
    values = [str(url.password or ""), *(str(value) for name, value in url.query.items() if name in SECRETS)]
    for value in filter(None, values):
        text = text.replace(value, "***")
    return text


def sqlstate(error: BaseException) -> str | None:
    """The five-character code of a database error, None for anything else and for lost connections."""
    return getattr(_origin(error), "sqlstate", None)


def _origin(error: BaseException) -> BaseException:
    origin = error.orig if isinstance(error, DBAPIError) else error
    return origin or error


def is_lost(error: BaseException) -> bool:
    """Whether an error tells of a lost or refused connection, in whichever layer that was noticed."""
    if isinstance(error, (PendingRollbackError, ResourceClosedError)):
        return True
    if isinstance(error, InvalidRequestError):
        return AFTER_A_LOSS.search(str(error)) is not None
    if not isinstance(error, (DBAPIError, psycopg.Error)):
        return False
    code = sqlstate(error)
    if code is not None:
        return code in ENDED or code.startswith(CONNECTION_CLASS)
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    return invalidated or isinstance(_origin(error), (psycopg.OperationalError, psycopg.InterfaceError))


REACHED = re.compile(
    "terminating connection|closed the connection unexpectedly|reset by peer|starting up|shutting down|recovery mode"
)


def was_reached(error: BaseException) -> bool:
    """Whether a connection that could not be opened was lost on the way, by a server that is there: not refused."""
    # a server's refusal has no SQLSTATE while connecting, so its words are all that there is
    return is_lost(error) and REACHED.search(str(_origin(error))) is not None


def is_transient(error: BaseException) -> bool:
    """Whether another try of the whole transaction can succeed."""
    if isinstance(error, EtlError):
        return error.transient
    if isinstance(_origin(error), DeadlinePassed):
        return False
    return is_lost(error) or sqlstate(error) in TRANSIENT


def own_error(error: BaseException) -> EtlError | None:
    """What an error of the database means, as one of ours that says what to do; None where it is a bug of ours.

    The text holds no data of rows. `transient` of it says whether another try of the whole transaction can help.
    """
    if isinstance(error, EtlError):
        return error
    if not isinstance(error, DATABASE_ERRORS):
        return None
    text = describe_error(error)
    if isinstance(_origin(error), DeadlinePassed):
        return OutOfTime(f"{text}; give it more time by RALLY_DEADLINE, or see what holds it up")
    if is_lost(error):
        return DatabaseUnavailable(text)
    if isinstance(_origin(error), psycopg.DataError) and sqlstate(error) is None:
        return UnreadableValue(text)
    meaning = MEANINGS.get(sqlstate(error) or "")
    return meaning[0](meaning[1].format(text)) if meaning else None


_BUSY = (TryAgain, "{}")
_FULL = (OutOfSpace, "the database has no room left: {}; free disk space on its server, then run this again")
_RIGHTS = (AccessDenied, "the user of DATABASE_URL lacks a right: {}; `rally-health doctor` lists all that are missing")
MEANINGS: Mapping[str, tuple[type[EtlError], str]] = {
    "40001": _BUSY,
    "40P01": _BUSY,
    "53300": (DatabaseUnavailable, "{}"),
    "55P03": (LockNotFree, "{}; end that process, wait for it, or wait longer by RALLY_LOCK_TIMEOUT"),
    "57014": (OutOfTime, "{}; see what the database is busy with, or raise RALLY_WRITE_TIMEOUT"),
    "53100": _FULL,
    "53200": _FULL,
    "58030": _FULL,
    "42501": _RIGHTS,
    "28000": _RIGHTS,
    "28P01": _RIGHTS,
}
"""What a SQLSTATE is to us: the error to raise, and its text."""


def describe_error(error: BaseException) -> str:
    """An error in words that hold no data: its primary message and SQLSTATE; DETAIL can hold a person's row."""
    origin = _origin(error)
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)
    if primary:
        return f"{primary} (SQLSTATE {sqlstate(error)}){_blamed(error)}"
    if isinstance(origin, (DeadlinePassed, NoAnswer)):
        return f"{origin}{_blamed(error)}"
    if isinstance(origin, psycopg.DataError):
        # psycopg's own text repeats the value
        return "a value does not fit: a date beyond the year 9999, 'infinity', the time 24:00, or NUL in a text"
    if is_lost(error):
        return f"connection lost or refused ({type(origin).__name__})"
    if isinstance(error, DATABASE_ERRORS):
        return f"the statement failed ({type(origin).__name__})"
    return f"{type(error).__name__}: {error}"


def _blamed(error: BaseException) -> str:
    blockers = getattr(_origin(error), "blockers", "")
    return f"; it waited for {blockers}" if blockers else ""


R = TypeVar("R")

RETRIES = 4
FIRST_DELAY = 1.0
DELAYS = [FIRST_DELAY * 3**tried for tried in range(RETRIES)]
"""40 seconds in all: a database that is restarted is back by then."""
JITTER = 0.5


def retried(work: Callable[[], R], *, worth: Callable[[BaseException], bool] = is_transient) -> R:
    """Do the work, and after a transient failure do it again, as often as Prefect would; each retry is logged.

    `worth` says of which failures another try is worth its while.
    """
    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(RETRIES + 1),
        wait=tenacity.wait_exponential_jitter(multiplier=FIRST_DELAY, exp_base=3, jitter=FIRST_DELAY),
        retry=tenacity.retry_if_exception(worth),
        before_sleep=_log_retry,
        reraise=True,
    )
    return attempts(work)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    if error is not None:
        log.warning("try %d failed, again in %.0f s: %s", state.attempt_number, pause, describe_error(error))
