"""Brings a database to the newest revision: an empty one is filled, an existing Rally database is adopted."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from etl.adopt import Obstacle, adopt
from etl.tables import QUALITY

# Two who migrate at once would both see the old revision.
LOCK = "select pg_advisory_xact_lock(hashtext('rally-health migrate'))"


def upgrade(engine: Engine, revision: str = "head") -> tuple[Obstacle, ...]:
    """Migrate to `revision` in one transaction and return what stands in the way of constraints; deletes nothing."""
    with engine.begin() as connection:
        connection.execute(text(LOCK))
        connection.execute(text(f"create schema if not exists {QUALITY}"))
        command.upgrade(_config(connection), revision)
        return adopt(connection)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    return config
