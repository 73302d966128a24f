"""Whether a snapshot is what it was when it was made."""

from __future__ import annotations

from collections.abc import Iterator

from etl.snapshots import manifest
from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import Snapshot
from etl.snapshots.reading import lines


def verify(snapshot: Snapshot) -> tuple[str, ...]:
    """What is wrong with a snapshot; empty for one that can be restored."""
    return tuple(dict.fromkeys(_files(snapshot))) or tuple(dict.fromkeys(_rows(snapshot)))


def require_sound(snapshot: Snapshot) -> None:
    """Raise SnapshotError for a damaged snapshot."""
    wrong = verify(snapshot)
    if wrong:
        raise SnapshotError(f"snapshot {snapshot.name} is damaged: {'; '.join(wrong)}")


def _files(snapshot: Snapshot) -> Iterator[str]:
    for name, wanted in snapshot.files.items():
        path = snapshot.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif manifest.digest(path) != wanted:
            yield f"{name} was changed since (its checksum differs)"


def _rows(snapshot: Snapshot) -> Iterator[str]:
    for held in snapshot.tables:
        try:
            found = sum(1 for _ in lines(snapshot, held.table))
        except SnapshotError as error:
            yield str(error)
        else:
            if found != held.rows:
                yield f"{held.table} has {found:,} rows, {held.rows:,} were written"
