"""The database that the settings name: the user's own, or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from etl import database, embedded, migrate
from etl.errors import DatabaseUnavailable
from flows.settings import Settings


@contextmanager
def open_engine(settings: Settings, *, application: str = "rally-health", migrated: bool = True) -> Iterator[Engine]:
    """An engine for the block.

    The embedded database brings itself up to date. With `migrated`, a database of the user's own that lacks our newest
    tables raises NotMigrated. A database that cannot be reached raises DatabaseUnavailable.
    """
    if settings.database_url is None:
        with embedded.running(settings.data) as url, _connected(url, application) as engine:
            if migrate.current(engine) != migrate.newest():
                migrate.upgrade(engine)
            yield engine
    else:
        with _connected(settings.database_url.get_secret_value(), application) as engine:
            if migrated:
                migrate.require_newest(engine)
            yield engine


@contextmanager
def _connected(url: str, application: str) -> Iterator[Engine]:
    engine = database.open_engine(url, application=application)
    try:
        engine.connect().close()
    except OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise DatabaseUnavailable(f"the database at {where} cannot be reached: {error.orig}") from None
    try:
        yield engine
    finally:
        engine.dispose()
