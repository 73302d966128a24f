"""Brings a database to the newest revision: an empty one is filled, an existing Rally database is adopted.

Adopting changes no row and adds nothing that can make another program lose one; see `etl.adoption`. All of it can be
taken away again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from etl import EtlError
from etl.adoption import catalogue
from etl.adoption.adopt import Addition, AdditionState, adopt, record, remove_additions
from etl.adoption.rights import READER, Readable, ensure_reader, platform_readable, remove_reader
from etl.database import describe_error
from etl.tables import QUALITY, additions, metadata

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["READER", "Addition", "Adoption", "Mode", "NotAdoptable", "NotMigrated", "current", "mode_of", "newest",
           "remove", "require_newest", "upgrade"]  # fmt: skip

FOLDER = Path(__file__).with_name("migrations")
# Two who migrate at once would both see the old revision.
LOCK = "select pg_advisory_xact_lock(hashtext('rally-health migrate'))"
# A schema of the role's own name would take the tables in.
PATH = "set local search_path = public"
# What the triggers of history call; see revision 0009.
APPEND_ONLY = f"{QUALITY}.append_only()"


class NotMigrated(EtlError):
    """The database lacks our newest tables."""


class NotAdoptable(EtlError):
    """The database's tables are not those of a Rally platform, or do not fit what is asked."""


class Mode(StrEnum):
    """What a database is used for."""

    CREATE = "create"
    """The platform's tables are ours: there were none."""
    ADOPT = "adopt"
    """The platform's tables were there."""
    RULES_ONLY = "rules-only"
    """There is no platform: people run rules of their own, and the catalogue is off."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The result of an upgrade: additions to the platform's tables, columns that it lacks, and the role of checks."""

    mode: Mode
    additions: tuple[Addition, ...] = ()
    lacking: tuple[str, ...] = ()
    """Columns that a table could have and has not, such as "series_stats: sets_percentage"."""
    reader: bool = True
    """Whether checks have a role without write rights to take on."""

    @property
    def obstacles(self) -> tuple[Addition, ...]:
        """What rows of today stand in the way of, or would break."""
        return tuple(one for one in self.additions if one.state in {AdditionState.BLOCKED, AdditionState.UNVALIDATED})


def upgrade(
    engine: Engine,
    revision: str = "head",
    *,
    constraints: bool = False,
    rules_only: bool = False,
    readable: Sequence[Readable] = (),
) -> Adoption:
    """Migrate to `revision` in one transaction; no row is changed.

    With `constraints`, those that can refuse another program's rows are added too; with `rules_only`, nothing but the
    schema `quality` is made. `readable` names tables that rules read besides the catalogue's. Raises NotAdoptable.
    """
    from alembic import command  # noqa: PLC0415 - takes a quarter of a second, and few commands migrate

    with engine.begin() as connection:
        connection.execute(text(LOCK))
        connection.exec_driver_sql(PATH)
        before = catalogue.read_catalogue(connection)
        mode = _mode(connection, before, rules_only=rules_only)
        if connection.scalar(text("select to_regnamespace(:name)"), {"name": QUALITY}) is None:
            connection.exec_driver_sql(f"create schema {QUALITY}")
        command.upgrade(_config(connection, mode), revision)
        if mode is Mode.RULES_ONLY:
            _remember(connection, mode)
            return Adoption(mode, reader=ensure_reader(connection, readable))
        found = adopt(connection, constraints=constraints)
        now = record(connection, before)
        return Adoption(mode, found, _lacking(now), ensure_reader(connection, (*platform_readable(), *readable)))


def remove(engine: Engine) -> tuple[str, ...]:
    """Take away all that `upgrade` ever added, in one transaction, and tell what stays: tables that hold rows.

    The schema `quality` goes with all its history. Raises NotAdoptable where something that is not ours depends on it.
    """
    with engine.begin() as connection:
        connection.execute(text(LOCK))
        connection.exec_driver_sql(PATH)
        kept = remove_additions(connection) if _has_additions(connection) else ()
        remove_reader(connection)
        tables = [name for name, table in catalogue.read_catalogue(connection, QUALITY).items() if table.is_table]
        ours_by_name = {*(table.name for table in metadata.sorted_tables if table.schema == QUALITY), "alembic_version"}
        try:
            with connection.begin_nested():
                ours = ", ".join(f"{QUALITY}.{name}" for name in tables if name in ours_by_name)
                connection.exec_driver_sql(f"drop table if exists {ours}" if ours else "select 1")
                connection.exec_driver_sql(f"drop function if exists {APPEND_ONLY}")
                connection.exec_driver_sql(f"drop schema if exists {QUALITY}")
        except DBAPIError as error:
            raise NotAdoptable(f"the schema {QUALITY} holds what is not ours: {describe_error(error)}") from None
    return kept


def mode_of(connection: Connection) -> Mode | None:
    """What the database is used for, None where it was never migrated."""
    if not _has_additions(connection):
        return None
    own = select(additions.c.name).where(additions.c.kind == "mode")
    if connection.scalar(own) == Mode.RULES_ONLY:
        return Mode.RULES_ONLY
    made = select(additions.c.id).where(additions.c.kind == "table").limit(1)
    return Mode.CREATE if connection.scalar(made) is not None else Mode.ADOPT


def _has_additions(connection: Connection) -> bool:
    return catalogue.can_read(connection, QUALITY, additions.name)


def _mode(connection: Connection, there: dict[str, catalogue.CatalogueTable], *, rules_only: bool) -> Mode:
    mode = mode_of(connection)
    if mode is Mode.RULES_ONLY:
        return mode
    if rules_only:
        if mode is not None or revision_of(connection) is not None:
            raise NotAdoptable("the database is used with the platform's tables: `rally-health init --remove` first")
        return Mode.RULES_ONLY
    if not any(name in there for name in catalogue.platform_tables()):
        return Mode.CREATE
    _refuse_strangers(there)
    return mode or Mode.ADOPT


def _refuse_strangers(there: dict[str, catalogue.CatalogueTable]) -> None:
    """Raise NotAdoptable for tables that lack what everything is built on."""
    tables, columns = catalogue.missing_tables(there), catalogue.missing_columns(there, required=True)
    views = [name for name in catalogue.platform_tables() if name in there and not there[name].is_table]
    faults = [
        *([f"there is no table {', '.join(tables)}"] if tables else []),
        *(f"table {name} lacks {', '.join(lacking)}" for name, lacking in columns.items()),
        *(f"{name} is no table" for name in views),
    ]
    if faults:
        raise NotAdoptable(
            f"the schema public is not that of a Rally platform: {'; '.join(faults)}; nothing was changed. For rules on"
            " tables of your own: rally-health init --rules-only"
        )


def _lacking(there: dict[str, catalogue.CatalogueTable]) -> tuple[str, ...]:
    return tuple(
        f"{name}: {', '.join(columns)}" for name, columns in catalogue.missing_columns(there, required=False).items()
    )


def _remember(connection: Connection, mode: Mode) -> None:
    if mode_of(connection) is not mode:
        connection.execute(insert(additions).values(kind="mode", table="", name=mode.value))


def require_platform(connection: Connection) -> None:
    """Raise NotAdoptable where the database is used for rules of people's own alone."""
    if mode_of(connection) is Mode.RULES_ONLY:
        raise NotAdoptable(
            "this database is used for rules alone, there is no platform: for imports, names, complaints and repairs"
            " take another, or rally-health init --remove, then rally-health init"
        )


def newest() -> str:
    """The newest revision; revisions are numbered, and their files begin with the number."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The database's revision, None where it was never migrated."""
    with engine.begin() as connection:
        return revision_of(connection)


def may_see_revision(connection: Connection) -> bool:
    """Whether this account sees how far the database is migrated: where it is ours, that takes a right to read."""
    ours = connection.scalar(text("select to_regnamespace(:name) is not null"), {"name": QUALITY})
    return not ours or catalogue.can_read(connection, QUALITY, "alembic_version")


def revision_of(connection: Connection) -> str | None:
    """The database's revision, None where it was never migrated."""
    if connection.execute(text(f"select to_regclass('{QUALITY}.alembic_version')")).scalar() is None:
        return None
    found = connection.execute(text(f"select version_num from {QUALITY}.alembic_version")).scalar()  # noqa: S608
    return str(found) if found is not None else None


def require_newest(engine: Engine) -> None:
    """Raise NotMigrated unless the database is at the newest revision."""
    found, wanted = current(engine), newest()
    if found != wanted:
        raise NotMigrated(f"the database is at revision {found}, expected {wanted}: run `rally-health init`")


def _config(connection: Connection, mode: Mode) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes.update(connection=connection, mode=mode.value, started_at=revision_of(connection))
    return config
