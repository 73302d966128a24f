"""What can go wrong in etl, as one tree.

EtlError
├── DatabaseUnavailable   no connection, or it was lost (transient)
├── TryAgain              the transaction met another one (transient)
├── ImporterBusy          another import holds the lock
├── FeedError             a feed that cannot be read at all
└── RowsUnaccounted       rows of a feed that went nowhere
"""

from __future__ import annotations


class EtlError(Exception):
    """Base of every error that etl raises on purpose; `transient` says whether another try can help."""

    transient = False


class DatabaseUnavailable(EtlError):
    """The database cannot be reached, or the connection was lost."""

    transient = True


class TryAgain(EtlError):
    """The transaction met another one (deadlock, serialization, the same row inserted meanwhile)."""

    transient = True


class ImporterBusy(EtlError):
    """Another import holds the lock."""


class FeedError(EtlError):
    """A feed that cannot be read at all, such as a file that is no JSON array."""


class RowsUnaccounted(EtlError):
    """Rows of a feed that were neither refused nor found in the table after publishing: a bug, and never committed."""
