"""Brings a database to the newest revision: an empty one is filled, an existing Rally database is adopted.

Checks take on a role that reads our two schemas and can write nothing: READ ONLY alone can be left by a statement that
ends the transaction, a role without rights cannot.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from etl import EtlError
from etl.adopt import Obstacle, adopt
from etl.tables import QUALITY

if TYPE_CHECKING:
    from alembic.config import Config


FOLDER = Path(__file__).with_name("migrations")
# Two who migrate at once would both see the old revision.
LOCK = "select pg_advisory_xact_lock(hashtext('rally-health migrate'))"


class NotMigrated(EtlError):
    """The database lacks our newest tables."""


def upgrade(engine: Engine, revision: str = "head") -> tuple[Obstacle, ...]:
    """Migrate to `revision` in one transaction and return what stands in the way of constraints; deletes nothing."""
    from alembic import command  # noqa: PLC0415 - takes a quarter of a second, and few commands migrate

    with engine.begin() as connection:
        connection.execute(text(LOCK))
        connection.execute(text(f"create schema if not exists {QUALITY}"))
        command.upgrade(_config(connection), revision)
        obstacles = adopt(connection)
        ensure_reader(connection)
        return obstacles


def newest() -> str:
    """The newest revision; revisions are numbered, and their files begin with the number."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The database's revision, None where it was never migrated."""
    with engine.begin() as connection:
        if connection.execute(text(f"select to_regclass('{QUALITY}.alembic_version')")).scalar() is None:
            return None
        return connection.execute(text(f"select version_num from {QUALITY}.alembic_version")).scalar()  # noqa: S608


def require_newest(engine: Engine) -> None:
    """Raise NotMigrated unless the database is at the newest revision."""
    found, wanted = current(engine), newest()
    if found != wanted:
        raise NotMigrated(f"the database is at revision {found}, expected {wanted}: run `rally-health init`")


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


READER = "rally_reader"
GRANTS = (
    f"grant usage on schema public, {QUALITY} to {READER}",
    f"grant select on all tables in schema public, {QUALITY} to {READER}",
    f"alter default privileges in schema public grant select on tables to {READER}",
    f"alter default privileges in schema {QUALITY} grant select on tables to {READER}",
)


def ensure_reader(connection: Connection) -> bool:
    """Make the role, or renew its grants, where we may; False where the database's owner did not let us."""
    try:
        with connection.begin_nested():
            if connection.scalar(text("select 1 from pg_roles where rolname = :name"), {"name": READER}) is None:
                connection.execute(text(f"create role {READER} nologin"))
                connection.execute(text(f"grant {READER} to current_user"))
            for grant in GRANTS:
                connection.execute(text(grant))
    except DBAPIError:
        return False
    return True
