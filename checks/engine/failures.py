"""What a failed statement means, and how it is put without repeating data."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, PendingRollbackError, StatementError

from checks.engine.errors import CheckError
from checks.engine.session import Session
from etl.database import describe, is_transient, sqlstate

TIMED_OUT = "57014"
DATA = "22"
LONGEST = 300

Answer = TypeVar("Answer")


def timed_out(error: BaseException) -> bool:
    """Whether a statement was ended by its time limit."""
    return sqlstate(error) == TIMED_OUT


def explained(error: BaseException, timeout: float | None = None) -> str:
    """An error in a sentence that holds no data of the rows."""
    if timeout is not None and timed_out(error):
        return f"timed out after {timeout:g} s (SQLSTATE {TIMED_OUT})"
    if isinstance(error, CheckError):
        return str(error)
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        # its own text repeats the statement with its parameters
        return f"the statement cannot be sent: {type(error.orig or error).__name__}"
    text = describe(error)
    if (sqlstate(error) or "").startswith(DATA):
        text = re.sub(r'"[^"]*"', '"…"', text)
    return text[:LONGEST]


def attempt(session: Session, retries: int, pause: float, ask: Callable[[], Answer]) -> Answer:
    """Ask, and after a transient failure ask again, on a new connection if the old one is gone."""
    for tried in range(retries + 1):
        try:
            if tried:
                time.sleep(pause * 2 ** (tried - 1))
                session.renew()
            return ask()
        except (DBAPIError, PendingRollbackError) as error:
            if tried == retries or not _worth_another_try(error):
                raise
    raise AssertionError("unreachable")


def _worth_another_try(error: DBAPIError | PendingRollbackError) -> bool:
    return isinstance(error, PendingRollbackError) or is_transient(error)
