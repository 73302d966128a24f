"""What can go wrong in etl, as one tree.

EtlError
├── DatabaseUnavailable   no connection, or it was lost (transient)
├── TryAgain              the transaction met another one (transient)
├── LockNotFree           another session held a lock for too long
├── OutOfTime             a statement, or the whole command, took longer than it may
├── OutOfSpace            the database's server has no disk or memory left
├── AccessDenied          the database's user lacks a right
├── UnreadableValue       a value that Python cannot hold, or the database cannot
├── ImporterBusy          another import holds the lock
├── NotFound              a person named what is not there
├── FeedError             a feed that cannot be read at all
└── RowsUnaccounted       rows of a feed that went nowhere
"""

from __future__ import annotations


class Terminated(SystemExit):
    """A signal has ended the command; what it had opened is closed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


class EtlError(Exception):
    """Base of every error that etl raises on purpose; `transient` says whether another try can help."""

    transient = False


class DatabaseUnavailable(EtlError):
    """The database cannot be reached, or the connection was lost."""

    transient = True


class TryAgain(EtlError):
    """The transaction met another one (deadlock, serialization, the same row inserted meanwhile)."""

    transient = True


class LockNotFree(EtlError):
    """Another session held a lock for too long; the message names it."""


class OutOfTime(EtlError):
    """A statement, or the whole command, took longer than it may."""


class OutOfSpace(EtlError):
    """The database's server has no disk or memory left."""


class AccessDenied(EtlError):
    """The database's user lacks a right."""


class UnreadableValue(EtlError):
    """A value that Python cannot hold, such as a date beyond the year 9999, or one that the database cannot."""


class ImporterBusy(EtlError):
    """Another import holds the lock."""


class NotFound(EtlError):
    """A person named what is not there, such as a run by its number; the message says where there is a list."""


class FeedError(EtlError):
    """A feed that cannot be read at all, such as a file that is no JSON array."""


class RowsUnaccounted(EtlError):
    """Rows of a feed that were neither refused nor found in the table after publishing: a bug, and never committed."""
