"""The circuit breaker: a stop that imports honour until a person resumes, of everything or of one league and kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from etl import EtlError
from etl.tables import import_stops

AUTOMATIC = "rally-health"


class ImportsStopped(EtlError):
    """Imports are stopped; the message tells why, by whom, since when and how to go on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of imports, and how it ended, if it did; an empty `league` or `kind` stands for all of them."""

    id: int
    at: datetime
    by: str
    reason: str
    automatic: bool
    league: str = ""
    kind: str = ""
    resumed_at: datetime | None = None
    resumed_by: str | None = None
    resume_reason: str | None = None

    @property
    def what(self) -> str:
        """What it stops: "imports of players of CNSWPL"."""
        return " of ".join(filter(None, ("imports", self.kind, self.league)))

    @property
    def how_to_resume(self) -> str:
        """The command that ends it."""
        scope = "".join(f" --{name} {value}" for name, value in (("league", self.league), ("kind", self.kind)) if value)
        return f'rally-health etl resume{scope} --reason "..."'

    def __str__(self) -> str:
        since = self.at.astimezone(UTC)
        return f"{self.what} are stopped since {since:%Y-%m-%d %H:%M} UTC by {self.by}: {self.reason}"


def in_force(connection: Connection, league: str = "", kind: str = "") -> Stop | None:
    """The stop that holds now for a league and kind, the narrower first, or without them for all imports; None while
    they may run.
    """
    stops = import_stops.c
    own = stops.league.in_(("", league)), stops.kind.in_(("", kind)), stops.resumed_at.is_(None)
    everything = (stops.league == "") & (stops.kind == "")
    row = connection.execute(select(import_stops).where(*own).order_by(everything, stops.id).limit(1)).first()
    return Stop(*row) if row else None


def stops_in_force(connection: Connection) -> tuple[Stop, ...]:
    """Every stop that holds now, oldest first."""
    open_stops = select(import_stops).where(import_stops.c.resumed_at.is_(None)).order_by(import_stops.c.id)
    return tuple(Stop(*row) for row in connection.execute(open_stops))


def require_running(connection: Connection, *, excused: bool = False) -> None:
    """Raise ImportsStopped while a stop holds; `excused` is an import that a person lets pass, with who and why."""
    stopped = in_force(connection)
    if stopped and not (excused and stopped.automatic):
        raise ImportsStopped(f"{stopped}; when it is mended: {stopped.how_to_resume}")


def stop(
    connection: Connection, reason: str, who: str, *, automatic: bool = False, league: str = "", kind: str = ""
) -> Stop:
    """Stop all imports, or those of a league and kind; where they are so already, the first stop and its reason stay.

    A person who stops what has stopped by itself, or something wider, takes it over: it is automatic no more.
    """
    values = {"reason": reason, "by": who, "automatic": automatic, "at": func.clock_timestamp(), "league": league,
              "kind": kind}  # fmt: skip
    connection.execute(insert(import_stops).values(values).on_conflict_do_nothing())
    if not automatic:
        held = update(import_stops).where(*_open(league, kind), import_stops.c.automatic)
        connection.execute(held.values(automatic=False))
    known = in_force(connection, league, kind)
    assert known is not None  # noqa: S101 - ours, or the one that stood in the way
    return known


def _open(league: str, kind: str) -> list[ColumnElement[bool]]:
    """Stops that hold, of everything or within a league and kind."""
    own = [column == told for column, told in ((import_stops.c.league, league), (import_stops.c.kind, kind)) if told]
    return [import_stops.c.resumed_at.is_(None), *own]


def resume(
    connection: Connection, reason: str, who: str, *, league: str = "", kind: str = ""
) -> tuple[Stop, ...]:  # fmt: skip
    """End every stop, or those of a league or kind, and return them; none where nothing was stopped."""
    ended = {"resumed_at": func.clock_timestamp(), "resumed_by": who, "resume_reason": reason}
    open_stops = update(import_stops).where(*_open(league, kind)).values(ended)
    rows = connection.execute(open_stops.returning(*import_stops.c)).all()
    return tuple(sorted((Stop(*row) for row in rows), key=lambda one: one.id))


def stop_history(connection: Connection, limit: int = 20) -> tuple[Stop, ...]:
    """The newest stops, newest first."""
    rows = connection.execute(select(import_stops).order_by(import_stops.c.id.desc()).limit(limit))
    return tuple(Stop(*row) for row in rows)
