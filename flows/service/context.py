"""What a caller in this process hands to a flow beside its parameters, which Prefect stores in clear.

The database that the settings name: the user's own, or the embedded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from checks.engine.run import Progress
from etl import DatabaseUnavailable, database, embedded, migrate
from etl.feeds import Feed
from flows.settings import Settings, SettingsError, read_settings


@dataclass(slots=True)
class Kept:
    """What a flow's body came to, kept apart from the flow run: it counts also when Prefect is lost on the way."""

    started: bool = False
    done: bool = False
    value: Any = None
    error: Exception | None = None
    lost: str = ""
    """Why nothing more is told to Prefect; empty while it listens."""
    final: tuple[UUID, Any] | None = None
    """The flow run, and the state that it is to end in."""
    undelivered: int = 0
    """Alerts that could not be sent; they wait in the outbox, or are dead letters there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings of a run, who is told of bytes read and of rules answered, and remarks for its report."""

    settings: Settings
    progress: Callable[[Feed, int], None] = lambda feed, count: None
    checked: Callable[[Progress], None] | None = None
    remarks: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)


_surroundings: ContextVar[Surroundings] = ContextVar("surroundings")


@contextmanager
def surrounded(surroundings: Surroundings) -> Iterator[None]:
    """Let flows of the block find these surroundings."""
    token = _surroundings.set(surroundings)
    try:
        yield
    finally:
        _surroundings.reset(token)


def surroundings() -> Surroundings:
    """What the caller set; in a deployment, where nobody calls, the settings of the worker's environment.

    Raises SettingsError for a worker without any database: an empty embedded one would be found healthy night by night.
    """
    return _surroundings.get(None) or Surroundings(_of_a_worker())


def _of_a_worker() -> Settings:
    settings = read_settings()
    if settings.database_url is None and not embedded.exists(settings.data):
        raise SettingsError(
            f"DATABASE_URL is not set where this run works, and there is no embedded database in {settings.data}; set"
            " it in the worker's environment or in the job variables, or make an embedded one there: rally-health init"
        )
    return settings


def without_prefect(around: Surroundings, why: str) -> Surroundings:
    """The same surroundings, with the remark that Prefect shows nothing of this run."""
    around.kept.lost = why
    return replace(
        around, remarks=(*around.remarks, f"Prefect does not answer ({why}): its UI knows nothing of this run")
    )


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
