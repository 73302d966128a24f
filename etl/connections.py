"""Connections that never wait for ever, and tell who keeps them waiting.

Every wait of psycopg, be it for a statement, a COPY, a COMMIT or a ROLLBACK, passes through `Connection.wait`. Here it
has an end: the server ends a statement by its own timeout, and where no answer comes although it is over (a network
that swallows everything, a server that is stopped), the connection is closed from this side.

Keepalives find a host that is gone; a proxy that goes on acknowledging is found by the limit of the statement alone.

A COMMIT whose answer got lost is asked, never guessed: the server knows of each transaction whether it took place.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import psycopg
from psycopg import Copy
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.pq import TransactionStatus

GRACE = 2.0
"""Seconds that a server may take to say that it has ended a statement."""
POLL, EARLY = 0.1, 0.01
HARDLY = 0.2
"""Seconds to wait for a lock that was waited for in vain a while ago."""
REMEMBERED = 3
"""For how many times the limit of a lock it is remembered who did not free it."""
NOT_FREE = "55P03"
LOOK_TIMEOUT = 3
"""Seconds within which a look at who holds a lock has to connect."""
KEEPALIVE = {
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}  # fmt: skip
SERVER_KEEPALIVE = "; ".join(
    f"set {name} = {value}"
    for name, value in {
        "tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3, "tcp_user_timeout": 25_000,
    }.items()
)  # fmt: skip
"""The same from the other side: the server ends a session within half a minute of its client's host being gone."""
HIDDEN = "<insufficient privilege>"
"""What PostgreSQL says in place of a query of another user, and then it hides the times as well."""
# values are dropped from the text of a query: it may hold a person's
BLOCKERS = """
select b.pid, coalesce(b.usename::text, '?'), coalesce(nullif(b.application_name, ''), 'a client'),
    to_char(coalesce(b.xact_start, b.backend_start) at time zone 'UTC', 'HH24:MI:SS'), b.state,
    left(regexp_replace(regexp_replace(b.query, '''([^'']|'''')*''|\\$([a-z_]*)\\$.*\\$\\2\\$', '?', 'gi'),
        '\\m[0-9][0-9.]*\\M', '?', 'g'), 120)
from unnest(pg_blocking_pids(%s)) w(pid) join pg_stat_activity b on b.pid = w.pid order by b.xact_start limit 3
"""

WRITTEN = "select pg_current_xact_id_if_assigned()"
# what is left of the session may wait for a client that cannot be heard any more; it is the one that runs this very id
ENDED_SESSION = "select pg_terminate_backend(pid) from pg_stat_activity where backend_xid = %s::xid8::xid"
FATE = "select pg_xact_status(%s::xid8)"
ASKED = 30.0
"""Seconds for which the server is asked what became of a COMMIT: it may be starting again."""

R = TypeVar("R")
Place = tuple[str, str]
"""A DSN without its password, and the password."""


class NoAnswer(psycopg.OperationalError):
    """The server did not answer within the limit of the statement; whether it was carried out is not known."""


class DeadlinePassed(psycopg.OperationalError):
    """The time of the whole command is over; whether the last statement was carried out is not known."""


@dataclass(slots=True)
class LockMemory:
    """Who kept a statement waiting for as long as it may: what needs that lock next does not wait as long again."""

    blockers: str = ""
    until: float = 0.0

    def note(self, blockers: str, seconds: float) -> None:
        """Remember them for so many seconds."""
        self.blockers, self.until = blockers or self.blockers, time.monotonic() + seconds


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long a connection may wait, in seconds: for a lock, for one statement, and until which `time.monotonic()`."""

    lock: float = 30
    statement: float = 600
    until: float = field(default=float("inf"))
    memory: LockMemory = field(default_factory=LockMemory, compare=False)

    @property
    def passed(self) -> bool:
        """Whether the time is over; a server may end a statement a millisecond early."""
        return time.monotonic() >= self.until - EARLY

    @property
    def next_lock(self) -> float:
        """Seconds that a reader waits for a lock, who can do without an answer: once it has timed out, hardly any."""
        return min(self.lock, HARDLY) if time.monotonic() < self.memory.until else self.lock

    @property
    def left(self) -> float:
        """Seconds that one statement has from now on; never below a millisecond, for 0 is no limit to PostgreSQL."""
        return max(0.001, min(self.statement, self.until - time.monotonic()))


class LimitedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends, at the latest when its limits say so."""

    limits: TimeLimits = TimeLimits()
    blockers: str = ""
    """Who kept the statement waiting that ran last, in words."""
    _leads: Place | None = None

    def keep_alive(self) -> None:
        """Let the server notice, too, when this host is gone, also between transactions.

        The only state of a session that we set: behind a pooler it stays with the pooler's own connection, and does
        no harm there.
        """
        if self.info.host.startswith("/"):
            return
        self.autocommit = True
        self.execute(SERVER_KEEPALIVE)
        self.autocommit = False

    def commit(self) -> None:
        """Commit; where the answer gets lost, ask whether it took place, and raise where it did not or nobody knows."""
        written, place = self._written(), self._place()
        try:
            super().commit()
        except psycopg.Error:
            if not (self.closed and written and self._took_place(written, place)):
                raise

    def rollback(self) -> None:
        """Roll back; a connection that is closed has been rolled back by its server.

        One whose statement was interrupted, as by the deadline of a command, is closed: nobody will hear its answer.
        """
        if self.info.transaction_status is TransactionStatus.ACTIVE:
            self.close()
        if not self.closed:
            super().rollback()

    def _written(self) -> str | None:
        """The id of a transaction that has written something."""
        if self.info.transaction_status is not TransactionStatus.INTRANS:
            return None
        row = self.execute(WRITTEN).fetchone()
        return row[0] if row else None

    def _place(self) -> Place:
        """Where it leads; of a connection that is closed nobody can ask any more."""
        if self._leads is None:
            self._leads = self.info.dsn, self.info.password
        return self._leads

    def _took_place(self, written: str, place: Place) -> bool:
        end = min(time.monotonic() + ASKED, self.limits.until)
        while time.monotonic() < end:
            with suppress(psycopg.Error), self._another(place, "rally-health commit") as other:
                other.execute(ENDED_SESSION, [written])
                fate = other.execute(FATE, [written]).fetchall()[0][0]
                if fate != "in progress":
                    return bool(fate == "committed")
            time.sleep(POLL)
        return False

    def _another(self, place: Place, application: str) -> LimitedConnection:
        """A short connection to the same database."""
        dsn, password = place
        other = LimitedConnection.connect(
            dsn, password=password, connect_timeout=LOOK_TIMEOUT, autocommit=True, application_name=application,
            prepare_threshold=None,
        )  # fmt: skip
        other.limits = TimeLimits(LOOK_TIMEOUT, LOOK_TIMEOUT, self.limits.until)
        return other

    def wait(self, gen: PQGen[R], interval: float = POLL, timeout: float | None = None) -> R:
        """Wait for an answer, looking now and then for who holds a lock; raises NoAnswer or DeadlinePassed."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        self.blockers = ""
        start = time.monotonic()
        end, look = start + self.limits.left + GRACE, start + min(self.limits.lock, self.limits.left) / 2
        while True:
            try:
                return super().wait(gen, interval, max(0.0, min(end, look) - time.monotonic()))
            except _WaitTimeout:
                if time.monotonic() >= end:
                    self._give_up(time.monotonic() - start)
                self.blockers = self._look() or self.blockers
                look = time.monotonic() + max(0.5, self.limits.lock * 0.4)
            except psycopg.Error as error:
                told = self._passed() if self.limits.passed else error
                told.blockers = self._blockers_of(error)  # type: ignore[attr-defined]  # read by `describe_error`
                raise told from None

    def _blockers_of(self, error: psycopg.Error) -> str:
        """Who kept a statement waiting that failed; of a lock that it hardly waited for, who did before."""
        if error.sqlstate != NOT_FREE:
            return self.blockers
        memory = self.limits.memory
        memory.note(self.blockers, REMEMBERED * self.limits.lock)
        return self.blockers or memory.blockers

    def _passed(self) -> DeadlinePassed:
        """In place of whatever else goes wrong then: a statement is ended by what is left of the command's time."""
        return DeadlinePassed("the deadline of the command has passed")

    def _give_up(self, waited: float) -> None:
        passed = self.limits.passed
        self.close()
        if passed:
            raise self._passed()
        raise NoAnswer(f"the database did not answer within {waited:.0f} s; the connection was closed")

    def _look(self) -> str:
        """Who holds what the running statement waits for; empty where nobody does, or nobody can be asked."""
        with suppress(psycopg.Error), self._another(self._place(), "rally-health blockers") as other:
            rows = other.execute(BLOCKERS, [self.info.backend_pid]).fetchall()
            return "; ".join(map(_blocker, rows))
        return ""


def _blocker(row: tuple[Any, ...]) -> str:
    pid, user, application, since, state, query = row
    who = f"process {pid} ({application} of {user})"
    if query == HIDDEN:
        return f"{who}; since when and by what may be seen by {user} and by members of pg_read_all_stats alone"
    what = " ".join((query or "").split())
    doing = f", {state}" if state and state != "active" else ""
    return f"{who} since {since} UTC{doing}" + (f": {what}" if what else "")


BLOCK = 1 << 20


def blocks_of(rows: Copy) -> Iterator[bytes]:
    """What a COPY sends, in blocks of about a megabyte, each of whole rows.

    The server sends row by row, and a wait for each takes longer than to read it.
    """
    while block := rows.connection.wait(_block(rows)):
        yield block


def _block(rows: Copy) -> PQGen[bytes]:
    read, length = [], 0
    while length < BLOCK and (row := (yield from rows._read_gen())):
        read.append(row)
        length += len(row)
    return b"".join(read)


@contextmanager
def within_seconds(driver: Any, seconds: float) -> Iterator[None]:
    """Let each wait of the block end after so many seconds, or with the limits of the connection if that is sooner."""
    if not isinstance(driver, LimitedConnection):
        yield
        return
    before = driver.limits
    driver.limits = replace(before, statement=min(seconds, before.statement))
    try:
        yield
    finally:
        driver.limits = before
