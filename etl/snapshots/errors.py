"""What can go wrong with snapshots."""

from __future__ import annotations

from etl.errors import EtlError


class SnapshotError(EtlError):
    """A snapshot that cannot be taken, read or restored; the database is as it was."""
