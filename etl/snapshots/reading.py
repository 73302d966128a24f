"""The rows of a snapshot as COPY writes them, one line a row, however they were stored."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator

from etl.snapshots.errors import SnapshotError
from etl.snapshots.manifest import COPIED, DUMP, Snapshot
from etl.snapshots.tools import tool

END = b"\\.\n"


def lines(snapshot: Snapshot, label: str) -> Iterator[bytes]:
    """The rows of a table; SnapshotError where they cannot be read."""
    return _from_copy(snapshot, label) if snapshot.method == COPIED else _from_dump(snapshot, label)


def _from_copy(snapshot: Snapshot, label: str) -> Iterator[bytes]:
    path = snapshot.folder / f"{label}.copy.gz"
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from None


def _from_dump(snapshot: Snapshot, label: str) -> Iterator[bytes]:
    """What stands between COPY and its end mark in the SQL that pg_restore makes of the dump."""
    program = tool("pg_restore")
    if program is None:
        raise SnapshotError(f"snapshot {snapshot.name} was made by pg_dump, and pg_restore is not installed")
    schema, _, name = label.partition(".")
    dump = snapshot.folder / DUMP
    command = [str(program), "--data-only", f"--schema={schema}", f"--table={name}", "--file=-"]
    with subprocess.Popen([*command, str(dump)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as restored:  # noqa: S603
        assert restored.stdout is not None and restored.stderr is not None  # noqa: S101, PT018 - both are pipes
        inside = False
        for line in restored.stdout:
            if inside and line == END:
                inside = False
            elif inside:
                yield line
            elif line.startswith(b"COPY "):
                inside = True
        complaint = restored.stderr.read().decode(errors="replace").strip()
        if restored.wait():
            raise SnapshotError(f"{DUMP} of snapshot {snapshot.name} cannot be read: {complaint}")
