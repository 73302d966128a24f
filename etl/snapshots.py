"""Snapshots of the tables that we write: one moment of all of them, taken before anything dangerous, and verified.

A snapshot is a folder: the rows of each table as COPY writes them, and `manifest.json`, which says what the folder
holds. It is written beside its final place and put there when it is whole. `etl.restore` brings one back.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, literal, select

from etl import EtlError, NotFound
from etl.adoption.catalogue import platform_tables
from etl.connections import BLOCK, blocks_of
from etl.migrate import current
from etl.repairs.reflected_table import ReflectedTable, find_table
from etl.tables import QUALITY, links, team_aliases
from etl.words import number_of


class SnapshotError(EtlError):
    """A snapshot that cannot be taken, read or restored; the database is as it was."""


class NoSuchSnapshot(SnapshotError, NotFound):
    """No snapshot has the name that a person typed."""


class SnapshotUnwritable(EtlError):
    """There is no room for a snapshot, or no right to write one: a matter of the machine, not of the data."""


MANIFEST = "manifest.json"
FORMAT = 1
COPIED = "copy"
"""How its rows are stored, one file a table. There is no other way; earlier versions could use pg_dump."""


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


def write_manifest(snapshot: Snapshot, folder: Path) -> None:
    """Write the manifest into a folder."""
    (folder / MANIFEST).write_text(json.dumps(snapshot.to_json() | {"folder": None}, indent=2) + "\n")


def read_manifest(folder: Path) -> Snapshot:
    """The snapshot in a folder; SnapshotError for one whose manifest is missing or cannot be read."""
    try:
        values = json.loads((folder / MANIFEST).read_text())
        held = tuple(Held(one["table"], one["rows"], tuple(one["columns"])) for one in values["tables"])
        return Snapshot(
            folder, datetime.fromisoformat(values["made"]), values["by"], values["reason"], values["automatic"],
            values["method"], values["revision"], held, values["files"],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError(f"{folder} is no snapshot: {type(error).__name__} in {MANIFEST}") from None


def snapshots_in(root: Path) -> tuple[Snapshot, ...]:
    """The snapshots below a folder, newest first; what is none, or only half of one, is left out."""
    found = sorted((path.parent for path in root.glob(f"*/{MANIFEST}")), key=lambda path: path.name, reverse=True)
    return tuple(read_manifest(path) for path in found if not path.name.endswith(".new"))


def find_snapshot(root: Path, name: str) -> Snapshot:
    """A snapshot by its name, `latest` being the newest; NoSuchSnapshot, which names what there is, for none."""
    snapshots = snapshots_in(root)
    for snapshot in snapshots:
        if name in (snapshot.name, "latest"):
            return snapshot
    names = ", ".join(snapshot.name for snapshot in snapshots[:5]) or "none yet; make one: rally-health snapshot create"
    raise NoSuchSnapshot(f"there is no snapshot {name!r} in {root}; there are: {names}")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def rows_of(snapshot: Snapshot, label: str) -> Iterator[bytes]:
    """The rows of a table as COPY writes them, a line each, in blocks; SnapshotError where they cannot be read."""
    if snapshot.method != COPIED:
        raise SnapshotError(
            f"snapshot {snapshot.name} was stored by {snapshot.method}, expected {COPIED!r}: an earlier"
            f" version made it; read it with pg_restore from {snapshot.folder}"
        )
    path = snapshot.folder / f"{label}.copy.gz"
    try:
        with gzip.open(path, "rb") as file:
            yield from iter(partial(file.read, BLOCK), b"")
    except (OSError, EOFError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from None


def faults_of(snapshot: Snapshot) -> tuple[str, ...]:
    """What is wrong with a snapshot; empty for one that can be restored."""
    return tuple(dict.fromkeys(_files(snapshot))) or tuple(dict.fromkeys(_rows(snapshot)))


def require_sound(snapshot: Snapshot) -> None:
    """Raise SnapshotError for a damaged snapshot."""
    wrong = faults_of(snapshot)
    if wrong:
        raise SnapshotError(f"snapshot {snapshot.name} is damaged: {'; '.join(wrong)}")


def _files(snapshot: Snapshot) -> Iterator[str]:
    for name, wanted in snapshot.files.items():
        path = snapshot.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif digest(path) != wanted:
            yield f"{name} was changed since (its checksum differs)"


def _rows(snapshot: Snapshot) -> Iterator[str]:
    for held in snapshot.tables:
        try:
            count = sum(block.count(b"\n") for block in rows_of(snapshot, held.table))
        except SnapshotError as error:
            yield str(error)
        else:
            if count != held.rows:
                yield f"{held.table} has {number_of(count, 'rows')}, {held.rows:,} were written"


AUTOMATIC_KEPT = 10
"""Automatic snapshots that stay; older ones are removed when a new one is made."""


def written_tables() -> list[str]:
    """The tables that we write, parents first, as the ledger of repairs calls them."""
    platform = [f"public.{name}" for name in platform_tables()]
    return [*platform, *(f"{QUALITY}.{table.name}" for table in (team_aliases, links))]


def holds_rows(engine: Engine) -> bool:
    """Whether there is anything to take a snapshot of."""
    with engine.begin() as connection:
        shapes = (find_table(connection, label) for label in written_tables())
        return any(
            shape and connection.execute(select(literal(1)).select_from(shape.table).limit(1)).first()
            for shape in shapes
        )


def take_snapshot(engine: Engine, root: Path, reason: str, who: str, *, automatic: bool = False) -> Snapshot:
    """Take a snapshot below `root`. Raises SnapshotError where nothing can be written there.

    Nothing is left of one that fails, and after a day nothing of one that was killed: it may hold rows of people.
    """
    moment = datetime.now(UTC)
    folder = root / f"{moment:%Y%m%dT%H%M%S_%f}"
    fresh = folder.with_name(f"{folder.name}.new")
    try:
        # rows of people are in it
        fresh.mkdir(parents=True, mode=0o700)
        made = Snapshot(folder, moment, who, reason, automatic, COPIED, current(engine) or "", (), {})
        made = _fill(engine, fresh, made)
        write_manifest(made, fresh)
        _sync(fresh)
        fresh.rename(folder)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        said = f"no snapshot can be written to {root}: {error.strerror or error}"
        raise SnapshotUnwritable(f"{said}; make room, or choose another folder by RALLY_SNAPSHOTS") from None
    _remove_leftovers(root, moment)
    if automatic:
        _thin_out(root)
    return made


LEFT_OVER = timedelta(days=1)


def _remove_leftovers(root: Path, now: datetime) -> None:
    for path in root.glob("*.new"):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - LEFT_OVER:
            shutil.rmtree(path, ignore_errors=True)


def _fill(engine: Engine, folder: Path, made: Snapshot) -> Snapshot:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        shapes = [shape for label in written_tables() if (shape := find_table(connection, label)) is not None]
        held = tuple(_held(connection, shape) for shape in shapes)
        files = [_copied(connection, shape, folder) for shape in shapes]
        return replace(made, tables=held, files={path.name: digest(path) for path in files})


def _held(connection: Connection, shape: ReflectedTable) -> Held:
    rows = connection.execute(select(func.count()).select_from(shape.table)).scalar_one()
    return Held(shape.label, rows, tuple(shape.written(shape.types)))


def _copied(connection: Connection, shape: ReflectedTable, folder: Path) -> Path:
    path = folder / f"{shape.label}.copy.gz"
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in shape.written(shape.types))
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - the connection is open
    # of a query, for a table with partitions cannot be copied from
    statement = f"copy (select {names} from {quote(shape.schema)}.{quote(shape.name)}) to stdout"  # noqa: S608 - quoted
    # rows of people are in it, also where the folder is copied elsewhere
    private = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    with (
        private,
        gzip.open(private, "wb", compresslevel=6) as file,
        driver.cursor() as cursor,
        cursor.copy(statement) as rows,
    ):
        for block in blocks_of(rows):
            file.write(block)
    return path


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _thin_out(root: Path) -> None:
    for old in [snapshot for snapshot in snapshots_in(root) if snapshot.automatic][AUTOMATIC_KEPT:]:
        shutil.rmtree(old.folder, ignore_errors=True)
