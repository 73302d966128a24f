"""Connections that never wait for ever, and tell who keeps them waiting.

Every wait of psycopg, be it for a statement, a COPY, a COMMIT or a ROLLBACK, passes through `Connection.wait`. Here it
has an end: the server ends a statement by its own timeout, and where no answer comes although it is over (a network
that swallows everything, a server that is stopped), the connection is closed from this side.

Keepalives find a host that is gone; a proxy that goes on acknowledging is found by the limit of the statement alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout

GRACE = 2.0
"""Seconds that a server may take to say that it has ended a statement."""
POLL = 0.1
LOOK_TIMEOUT = 3
"""Seconds within which a look at who holds a lock has to connect."""
KEEPALIVE = {
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}  # fmt: skip
# values are dropped from the text of a query: it may hold a person's
BLOCKERS = """
select b.pid, coalesce(b.usename::text, '?'), coalesce(nullif(b.application_name, ''), 'a client'),
    to_char(coalesce(b.xact_start, b.backend_start) at time zone 'UTC', 'HH24:MI:SS'), b.state,
    left(regexp_replace(regexp_replace(b.query, '''([^'']|'''')*''|\\$([a-z_]*)\\$.*\\$\\2\\$', '?', 'gi'),
        '\\m[0-9][0-9.]*\\M', '?', 'g'), 120)
from unnest(pg_blocking_pids(%s)) w(pid) join pg_stat_activity b on b.pid = w.pid order by b.xact_start limit 3
"""

R = TypeVar("R")


class NoAnswer(psycopg.OperationalError):
    """The server did not answer within the limit of the statement; whether it was carried out is not known."""


class DeadlinePassed(psycopg.OperationalError):
    """The time of the whole command is over; whether the last statement was carried out is not known."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long a connection may wait, in seconds: for a lock, for one statement, and until which `time.monotonic()`."""

    lock: float = 30
    statement: float = 600
    until: float = field(default=float("inf"))

    @property
    def left(self) -> float:
        """Seconds that one statement has from now on; never below a millisecond, for 0 is no limit to PostgreSQL."""
        return max(0.001, min(self.statement, self.until - time.monotonic()))


class LimitedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends, at the latest when its limits say so."""

    limits: TimeLimits = TimeLimits()
    blockers: str = ""
    """Who kept the statement waiting that ran last, in words."""

    def wait(self, gen: PQGen[R], interval: float = POLL, timeout: float | None = None) -> R:
        """Wait for an answer, looking now and then for who holds a lock; raises NoAnswer or DeadlinePassed."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        self.blockers = ""
        start = time.monotonic()
        end, look = start + self.limits.left + GRACE, start + self.limits.lock / 2
        while True:
            try:
                return super().wait(gen, interval, max(0.0, min(end, look) - time.monotonic()))
            except _WaitTimeout:
                if time.monotonic() >= end:
                    self._give_up(time.monotonic() - start)
                self.blockers = self._look() or self.blockers
                look = time.monotonic() + max(0.5, self.limits.lock * 0.4)
            except psycopg.Error as error:
                error.blockers = self.blockers  # type: ignore[attr-defined]  # read by `etl.database.describe_error`
                raise

    def _give_up(self, waited: float) -> None:
        passed = time.monotonic() >= self.limits.until
        self.close()
        if passed:
            raise DeadlinePassed("the deadline of the command has passed; the connection was closed")
        raise NoAnswer(f"the database did not answer within {waited:.0f} s; the connection was closed")

    def _look(self) -> str:
        """Who holds what the running statement waits for; empty where nobody does, or nobody can be asked."""
        with (
            suppress(psycopg.Error),
            psycopg.connect(
                self.info.dsn, password=self.info.password, connect_timeout=LOOK_TIMEOUT, autocommit=True,
                application_name="rally-health blockers", prepare_threshold=None,
            ) as other,
        ):  # fmt: skip
            rows = other.execute(BLOCKERS, [self.info.backend_pid]).fetchall()
            return "; ".join(map(_blocker, rows))
        return ""


def _blocker(row: tuple[Any, ...]) -> str:
    pid, user, application, since, state, query = row
    what = " ".join((query or "").split())
    doing = f", {state}" if state and state != "active" else ""
    return f"process {pid} ({application} of {user}) since {since} UTC{doing}" + (f": {what}" if what else "")


@contextmanager
def within_seconds(driver: Any, seconds: float) -> Iterator[None]:
    """Let each wait of the block end after so many seconds, or with the limits of the connection if that is sooner."""
    if not isinstance(driver, LimitedConnection):
        yield
        return
    before = driver.limits
    driver.limits = TimeLimits(before.lock, min(seconds, before.statement), before.until)
    try:
        yield
    finally:
        driver.limits = before
