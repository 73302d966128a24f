"""Exit codes, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from alerts.errors import AlertError
from checks import CheckError
from etl.breaker import ImportsStopped
from etl.database import DatabaseUrlError
from etl.errors import DatabaseUnavailable, EtlError, FeedError, ImporterBusy
from etl.importing.aliases import AliasError
from etl.migrate import NotMigrated
from etl.repairs import NoSuchRepair, RepairError
from etl.snapshots import SnapshotError
from flows.settings import SettingsError


class Exit(IntEnum):
    """What a command's end tells its caller."""

    OK = 0
    CHECKS_FAILED = 1
    USAGE = 2
    REFUSED = 3
    INFRASTRUCTURE = 4
    PARTIAL = 5
    BUSY = 75


_BY_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (SettingsError, Exit.USAGE),
    (DatabaseUrlError, Exit.USAGE),
    (NotMigrated, Exit.USAGE),
    (CheckError, Exit.USAGE),
    (AlertError, Exit.USAGE),
    (AliasError, Exit.USAGE),
    (FeedError, Exit.REFUSED),
    (ImportsStopped, Exit.REFUSED),
    (NoSuchRepair, Exit.USAGE),
    (RepairError, Exit.REFUSED),
    (SnapshotError, Exit.REFUSED),
    (ImporterBusy, Exit.BUSY),
    (DatabaseUnavailable, Exit.INFRASTRUCTURE),
    (EtlError, Exit.INFRASTRUCTURE),
)


def exit_of(error: Exception) -> Exit | None:
    """The exit code of an error that has one; None for one that is a bug and deserves its traceback."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), None)
