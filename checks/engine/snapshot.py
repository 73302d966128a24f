"""One moment of the database, seen through many connections.

A leading connection exports its snapshot and stays open; the others import it, so that every rule sees the same
data, however many run at once. A lost follower reconnects to the same moment. When the leader itself is lost, its
moment is gone: a new one is taken, and the run says so.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Select, literal, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from checks.engine.session import OpenSession, Rows

# a role name is an identifier and cannot be bound
ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


class Snapshot:
    """A moment of a database; `taken` counts how many were needed."""

    def __init__(self, engine: Engine, role: str | None) -> None:
        self._engine = engine
        self._role = role
        self._lock = Lock()
        self._leader: Connection | None = None
        self._name = ""
        self.taken = 0
        self.role: str | None = None

    def __enter__(self) -> Snapshot:
        self._lead()
        return self

    def __exit__(self, *_: object) -> None:
        if self._leader is not None:
            close(self._leader)

    def follow(self, lost: str = "") -> tuple[str, Connection]:
        """A connection that sees this moment, and the name of the moment; `lost` names one that could not be joined."""
        with self._lock:
            if lost and lost == self._name:
                self._lead()
            name = self._name
        connection = self._begin(f"SET TRANSACTION SNAPSHOT '{name}'")
        self._restrict(connection, self.role)
        return name, connection

    def _lead(self) -> None:
        if self._leader is not None:
            close(self._leader)
        self._leader = self._begin("SET LOCAL idle_in_transaction_session_timeout = 0")
        self._name = str(self._leader.execute(text("select pg_export_snapshot()")).scalar_one())
        self.role = self._usable(self._leader)
        self.taken += 1

    def _begin(self, first: str) -> Connection:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        connection = self._engine.connect().execution_options(**options)
        try:
            connection.exec_driver_sql(first)
            # from the first query on, SET TRANSACTION READ WRITE is refused
            connection.execute(select(literal(1)))
        except BaseException:
            close(connection)
            raise
        return connection

    def _usable(self, leader: Connection) -> str | None:
        if self._role is None or not ROLE.fullmatch(self._role):
            return None
        leader.exec_driver_sql("SAVEPOINT role")
        try:
            self._restrict(leader, self._role)
        except DBAPIError:  # no such role, or not ours to take
            return None
        else:
            return self._role
        finally:
            if not leader.invalidated:
                leader.exec_driver_sql("ROLLBACK TO SAVEPOINT role; RELEASE SAVEPOINT role")

    def _restrict(self, connection: Connection, role: str | None) -> None:
        if role is not None:
            connection.exec_driver_sql(f'SET LOCAL ROLE "{role}"')


class SnapshotSession:
    """A session on a snapshot, with a connection of its own that it can replace."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._name, self._connection = snapshot.follow()

    def all(self, statement: Select[Any], timeout: float) -> Rows:
        """All rows of a statement."""
        return self._alive().all(statement, timeout)

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        """The rows of a statement in chunks."""
        return self._alive().chunks(statement, timeout, size)

    def renew(self) -> None:
        """Connect again to the same moment, or to a new one when that is gone."""
        self.close()
        try:
            self._name, self._connection = self._snapshot.follow()
        except DBAPIError:
            self._name, self._connection = self._snapshot.follow(lost=self._name)

    def cancel(self) -> None:
        """End the statement that is running, from another thread."""
        with suppress(Exception):  # there may be none, or no connection any more
            driver: Any = self._connection.connection.driver_connection
            driver.cancel_safe(timeout=2.0)

    def _alive(self) -> OpenSession:
        # the rule before may have lost the connection; that is not to be this rule's first failure
        if self._connection.closed or self._connection.invalidated:
            self.renew()
        return OpenSession(self._connection)

    def close(self) -> None:
        """Give the connection back."""
        close(self._connection)


def close(connection: Connection) -> None:
    """Close a connection, also one that is already broken."""
    try:
        connection.close()
    except (DBAPIError, InvalidRequestError):
        with suppress(InvalidRequestError):  # closed already
            connection.invalidate()


@contextmanager
def one_moment(engine: Engine, role: str | None) -> Iterator[Snapshot]:
    """A snapshot of the database, held until the end of the block."""
    with Snapshot(engine, role) as snapshot:
        yield snapshot
