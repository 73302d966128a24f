"""Taking a database into use, and leaving it as it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from checks.scopes import tables_read
from etl import migrate
from etl.adoption.rights import Readable
from etl.migrate import Adoption, newest
from etl.snapshots import Snapshot, holds_rows
from flows.service.context import open_engine
from flows.service.health_check import rules_of
from flows.service.repair import snapshot_before
from flows.settings import Settings


@dataclass(frozen=True, slots=True)
class InitRequest:
    """How a database is taken into use: with constraints that can refuse rows, or for rules alone."""

    constraints: bool = False
    rules_only: bool = False


@dataclass(frozen=True, slots=True)
class Initialised:
    """What came of it, and the snapshot that was taken before, where rows were there."""

    adoption: Adoption
    snapshot: Snapshot | None


def initialise(settings: Settings, request: InitRequest) -> Initialised:
    """Bring the database of the settings to the newest revision, behind a snapshot. Raises NotAdoptable."""
    with open_engine(settings, migrated=False) as engine:
        taken = None
        if not request.rules_only and migrate.current(engine) != newest() and holds_rows(engine):
            taken = snapshot_before(engine, settings, "adoption")
        adoption = migrate.upgrade(
            engine, constraints=request.constraints, rules_only=request.rules_only, readable=readable(settings, engine)
        )
        return Initialised(adoption, taken)


def readable(settings: Settings, engine: Engine) -> Sequence[Readable]:
    """What the role of checks has to see: the tables that the rules of the settings read."""
    read = tables_read(rules_of(settings), datetime.now(UTC), engine.connect)
    return tuple(Readable.of(table, columns) for table, columns in read.items())


def uninstall(settings: Settings) -> tuple[Snapshot | None, tuple[str, ...]]:
    """Take all that `init` added away again, behind a snapshot, and tell what stays."""
    with open_engine(settings, migrated=False) as engine:
        return _last_snapshot(engine, settings), migrate.remove(engine)


def _last_snapshot(engine: Engine, settings: Settings) -> Snapshot | None:
    return snapshot_before(engine, settings, "init --remove") if holds_rows(engine) else None
