"""What a snapshot holds, as its manifest says: one folder a snapshot, `manifest.json` beside the data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from etl.snapshots.errors import SnapshotError

MANIFEST = "manifest.json"
FORMAT = 1
DUMP = "dump.pgdump"
COPIED = "copy"
"""The way of a snapshot that was made by COPY, one file a table; otherwise it is one dump of pg_dump."""


@dataclass(frozen=True, slots=True)
class Held:
    """One table of a snapshot."""

    table: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot: when, by whom and why it was made, how, what it holds, and the SHA-256 of each file."""

    folder: Path
    made: datetime
    by: str
    reason: str
    automatic: bool
    method: str
    revision: str
    tables: tuple[Held, ...]
    files: dict[str, str]

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.folder.name

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(held.rows for held in self.tables)

    @property
    def size(self) -> int:
        """How many bytes its files take."""
        return sum((self.folder / name).stat().st_size for name in self.files if (self.folder / name).is_file())

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        values = asdict(self) | {"name": self.name, "made": self.made.isoformat(), "folder": str(self.folder)}
        return values | {"rows": self.rows, "format": FORMAT}


def write(snapshot: Snapshot, folder: Path) -> None:
    """Write the manifest into a folder."""
    (folder / MANIFEST).write_text(json.dumps(snapshot.to_json() | {"folder": None}, indent=2) + "\n")


def read(folder: Path) -> Snapshot:
    """The snapshot in a folder; SnapshotError for one whose manifest is missing or cannot be read."""
    try:
        values = json.loads((folder / MANIFEST).read_text())
        held = tuple(Held(one["table"], one["rows"], tuple(one["columns"])) for one in values["tables"])
        return Snapshot(
            folder, datetime.fromisoformat(values["made"]), values["by"], values["reason"], values["automatic"],
            values["method"], values["revision"], held, values["files"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"{folder} is no snapshot: {type(error).__name__} in {MANIFEST}") from None


def past(root: Path) -> tuple[Snapshot, ...]:
    """The snapshots below a folder, newest first; what is none, or only half of one, is left out."""
    found = sorted((path.parent for path in root.glob(f"*/{MANIFEST}")), key=lambda path: path.name, reverse=True)
    return tuple(read(path) for path in found if not path.name.endswith(".new"))


def find(root: Path, name: str) -> Snapshot:
    """A snapshot by its name, `latest` being the newest; SnapshotError, which names what there is, for none."""
    known = past(root)
    for snapshot in known:
        if name in (snapshot.name, "latest"):
            return snapshot
    names = ", ".join(snapshot.name for snapshot in known[:5]) or "none yet; make one: rally-health snapshot create"
    raise SnapshotError(f"there is no snapshot {name!r} in {root}; there are: {names}")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
