"""Where statements are run: guarded sessions on one snapshot of the database.

Four walls keep a rule from writing: the transaction is READ ONLY, a first statement fixes that (before it SET
TRANSACTION READ WRITE would still work), each statement goes through the extended protocol, which refuses a second
statement behind a semicolon, and a role without write rights is taken on where the database has one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, Integer, Select, bindparam, select

from checks.engine.errors import MeasureError

MARKER = "rally"
Rows = Sequence[Sequence[Any]]


class Session(Protocol):
    """What measuring needs of a connection."""

    def all(self, statement: Select[Any], timeout: float) -> Rows:
        """All rows of a statement that was made with `asking`, under a time limit in seconds."""
        ...

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        """The rows of a statement in chunks, never more than one of them in memory."""
        ...

    def renew(self) -> None:
        """Make the session usable after its connection was lost; raises when that is not possible."""
        ...


def asking(*columns: Any) -> Select[Any]:
    """A SELECT of `columns` behind one bound parameter.

    psycopg sends a statement without parameters in the simple protocol, where "select 1; drop table x" is two
    statements and not an error.
    """
    return select(bindparam(MARKER, 1, Integer).label(MARKER), *columns)


class OpenSession:
    """A session on a connection that someone else opened, such as an import inside its own transaction.

    Each statement runs in a savepoint that is rolled back whatever happens: a failing statement leaves the
    transaction usable, the timeout does not outlive it, and what a rule might write is undone. The transaction
    itself is neither begun nor ended here.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, statement: Select[Any], timeout: float) -> Rows:
        with self._savepoint(timeout):
            return self._connection.execute(statement).fetchall()

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        with self._savepoint(timeout):
            options = {"stream_results": True, "max_row_buffer": size}
            yield from self._connection.execute(statement, execution_options=options).partitions(size)

    def renew(self) -> None:
        raise MeasureError("the connection was lost inside a transaction of its owner")

    @contextmanager
    def _savepoint(self, timeout: float) -> Iterator[None]:
        milliseconds = max(1, int(timeout * 1000))
        self._connection.exec_driver_sql(f"SAVEPOINT rally; SET LOCAL statement_timeout = {milliseconds}")
        try:
            yield
        finally:
            if not self._connection.invalidated:
                self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT rally; RELEASE SAVEPOINT rally")
