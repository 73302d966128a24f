"""The circuit breaker: a stop that every import honours until a person resumes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from etl import EtlError
from etl.tables import import_stops

AUTOMATIC = "rally-health"


class ImportsStopped(EtlError):
    """Imports are stopped; the message tells why, by whom, since when and how to go on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of all imports, and how it ended, if it did."""

    id: int
    at: datetime
    by: str
    reason: str
    automatic: bool
    resumed_at: datetime | None = None
    resumed_by: str | None = None
    resume_reason: str | None = None

    def __str__(self) -> str:
        return f"imports are stopped since {self.at:%Y-%m-%d %H:%M} UTC by {self.by}: {self.reason}"


def in_force(connection: Connection) -> Stop | None:
    """The stop that holds now, None while imports may run."""
    row = connection.execute(select(import_stops).where(import_stops.c.resumed_at.is_(None))).first()
    return Stop(*row) if row else None


def require_running(connection: Connection, *, excused: bool = False) -> None:
    """Raise ImportsStopped while a stop holds; `excused` is an import that a person lets pass, with who and why."""
    stopped = in_force(connection)
    if stopped and not (excused and stopped.automatic):
        raise ImportsStopped(f'{stopped}; when it is mended: rally-health etl resume --reason "..."')


def stop(connection: Connection, reason: str, who: str, *, automatic: bool = False) -> Stop:
    """Stop all imports; where they are stopped already, the first stop and its reason stay.

    A person who stops what has stopped by itself takes it over: it is automatic no more.
    """
    values = {"reason": reason, "by": who, "automatic": automatic, "at": func.clock_timestamp()}
    connection.execute(insert(import_stops).values(values).on_conflict_do_nothing())
    if not automatic:
        held = update(import_stops).where(import_stops.c.resumed_at.is_(None), import_stops.c.automatic)
        connection.execute(held.values(automatic=False))
    known = in_force(connection)
    assert known is not None  # noqa: S101 - ours, or the one that stood in the way
    return known


def resume(connection: Connection, reason: str, who: str) -> Stop | None:
    """Let imports run again and return the stop that ended; None where nothing was stopped."""
    ended = {"resumed_at": func.clock_timestamp(), "resumed_by": who, "resume_reason": reason}
    open_stop = update(import_stops).where(import_stops.c.resumed_at.is_(None)).values(ended)
    row = connection.execute(open_stop.returning(*import_stops.c)).first()
    return Stop(*row) if row else None


def stop_history(connection: Connection, limit: int = 20) -> tuple[Stop, ...]:
    """The newest stops, newest first."""
    rows = connection.execute(select(import_stops).order_by(import_stops.c.id.desc()).limit(limit))
    return tuple(Stop(*row) for row in rows)
