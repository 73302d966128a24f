"""Errors on their way into Prefect, which stores their text in clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from alerts.errors import AlertError
from checks.engine.errors import CheckError
from etl.database import describe, is_transient
from etl.errors import DatabaseUnavailable, EtlError
from flows.context import Kept
from flows.settings import SettingsError

R = TypeVar("R")

OWN = (EtlError, CheckError, AlertError, SettingsError)
"""Errors whose texts are ours, and hold neither rows nor secrets."""


class RunFailed(Exception):
    """A failure whose own text is not for Prefect's eyes."""


def safely(kept: Kept, work: Callable[[], R]) -> R:
    """Do the work; what it raises is kept for the caller, and goes on with a text that holds no data."""
    try:
        return work()
    except Exception as error:
        kept.error = kept.error if isinstance(error, RunFailed) else error
        safe = harmless(error)
        if safe is error:
            raise
        raise safe from None


def harmless(error: Exception) -> Exception:
    """The same error, or one in its place whose text holds no data; as transient as it was."""
    if isinstance(error, (RunFailed, *OWN)):
        return error
    if isinstance(error, DBAPIError):
        return DatabaseUnavailable(describe(error)) if is_transient(error) else RunFailed(describe(error))
    return RunFailed(f"{type(error).__name__}; its text may hold data and is in the log of the process alone")
