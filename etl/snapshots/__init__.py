"""Snapshots of the tables that we write: taken before anything dangerous, verified, and restored by comparison."""

from __future__ import annotations

from etl.snapshots.compare import Difference, Rows
from etl.snapshots.create import create, holds_rows
from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import Snapshot, find, past
from etl.snapshots.restore import Restored, restore
from etl.snapshots.verify import verify

__all__ = [
    "Difference", "Restored", "Rows", "Snapshot", "SnapshotError", "create", "find", "holds_rows", "past", "restore",
    "verify",
]  # fmt: skip
