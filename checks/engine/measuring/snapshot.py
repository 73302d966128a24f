"""Guarded sessions on one snapshot of the database: nothing is written, nothing hangs, all rules see one moment.

Four walls keep a rule from writing: the transaction is READ ONLY, a first statement fixes that (before it SET
TRANSACTION READ WRITE would still work), each statement goes through the extended protocol, which refuses a second
statement behind a semicolon, and a role without write rights is taken on where the database has one. That role can be
left by a statement: where the account behind it could do more than SQL, the statements go through connections that log
in as an account without rights. Statements have the database's timeout; Python code of a rule runs in a thread that the
run stops waiting for.

A leading connection exports its snapshot and stays open; the others import it. A lost follower reconnects to the same
moment. When the leader itself is lost, its moment is gone: a new one is taken, and the run says so.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, Integer, Select, bindparam, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from checks.engine.authoring import CheckError, DeadlineError, MeasureError
from etl.connections import NOT_FREE, LimitedConnection, within_seconds
from etl.database import DATABASE_ERRORS, describe_error, is_transient, sqlstate

Answer = TypeVar("Answer")


def within(seconds: float, what: str, function: Callable[[], Answer]) -> Answer:
    """The function's answer; raises DeadlineError when it does not come in time, and whatever the function raises.

    Of what would end a process (SystemExit, KeyboardInterrupt, pytest's own) a MeasureError is made: it is a rule's
    mistake, and the keyboard interrupts the thread that waits.
    """
    future: Future[Answer] = Future()
    # a daemon: a rule that never returns must not keep the process alive
    thread = Thread(target=_answer, args=(future, function), name=f"rule {what}", daemon=True)
    thread.start()
    try:
        return future.result(timeout=seconds)
    except TimeoutError:
        if future.done():  # the function's own TimeoutError
            raise
        _interrupt(thread)
        raise DeadlineError(f"{what} did not return within {seconds:g} s") from None


def _answer(future: Future[Answer], function: Callable[[], Answer]) -> None:
    try:
        future.set_result(function())
    except Exception as error:  # noqa: BLE001 - handed to the thread that waits
        future.set_exception(error)
    except BaseException as error:  # noqa: BLE001 - as above
        future.set_exception(MeasureError(f"it raised {type(error).__name__}, which would end the whole run"))


def _interrupt(thread: Thread) -> None:
    # ends a loop of Python code; code that hangs in C stays behind in its daemon thread
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


MARKER = "rally"
Rows = Sequence[Sequence[Any]]


class Session(Protocol):
    """What measuring needs of a connection."""

    def bind(self, values: Mapping[str, Any]) -> None:
        """Give the parameters that statements name their values, such as the league that a run is about."""
        ...

    def all(self, statement: Select[Any], timeout: float, values: Mapping[str, Any] | None = None) -> Rows:
        """All rows of a statement that was made with `asking`, under a time limit in seconds; `values` of its own."""
        ...

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        """The rows of a statement in chunks, never more than one of them in memory."""
        ...

    def renew(self) -> None:
        """Make the session usable after its connection was lost; raises when that is not possible."""
        ...


Job = Callable[[Session], None]


def one_by_one(session: Session, jobs: Sequence[Job]) -> None:
    """Do some work on one session."""
    for job in jobs:
        job(session)


def asking(*columns: Any) -> Select[Any]:
    """A SELECT of `columns` behind one bound parameter.

    psycopg sends a statement without parameters in the simple protocol, where "select 1; drop table x" is two
    statements and not an error.
    """
    return select(bindparam(MARKER, 1, Integer).label(MARKER), *columns)


class Sets(Protocol):
    """What sends the sets along that statements share; one for each moment."""

    def sent_along(
        self, statement: Select[Any], ask: Callable[[Select[Any], Mapping[str, Any]], Rows]
    ) -> tuple[Select[Any], Mapping[str, Any]]:
        """The statement with parameters in place of its sets, and their values; `ask` answers another."""
        ...


class OpenSession:
    """A session on a connection that someone else opened, such as an import inside its own transaction.

    Each statement runs in a savepoint that is rolled back whatever happens: a failing statement leaves the
    transaction usable, the timeout does not outlive it, and what a rule might write is undone. The transaction
    itself is neither begun nor ended here. In one that is `ours` alone the next statement rolls back what the one
    before has left, which takes two exchanges with the server in place of three.
    """

    def __init__(self, connection: Connection, *, ours: bool = False) -> None:
        self.connection, self._ours, self._left, self.crowded = connection, ours, False, False
        self._bound: Mapping[str, Any] = {}

    def bind(self, values: Mapping[str, Any]) -> None:
        self._bound = values

    def all(self, statement: Select[Any], timeout: float, values: Mapping[str, Any] | None = None) -> Rows:
        with self._savepoint(timeout):
            return self.connection.execute(statement, {**self._bound, **(values or {})}).fetchall()

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        with self._savepoint(timeout):
            options = {"stream_results": True, "max_row_buffer": size}
            yield from self.connection.execute(statement, self._bound, execution_options=options).partitions(size)

    def renew(self) -> None:
        raise MeasureError("the connection was lost inside a transaction of its owner")

    @contextmanager
    def _savepoint(self, timeout: float) -> Iterator[None]:
        driver = self.connection.connection.driver_connection
        limit = f"SET LOCAL statement_timeout = {_milliseconds(timeout)}; {_lock_limit(driver)}"
        alone = "; SET LOCAL max_parallel_workers_per_gather = 0" if self.crowded else ""
        self.connection.exec_driver_sql(f"{'ROLLBACK TO ' * self._left}SAVEPOINT rally; {limit}{alone}")
        self._left = True
        try:
            with within_seconds(driver, timeout):
                yield
        finally:
            if not self._ours:
                self.leave()

    def leave(self) -> None:
        """Undo what the rule did, and free its locks; a connection on which that fails is of no use any more."""
        if not self._left or _is_gone(self.connection):
            return
        self._left = False
        try:
            self.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT rally; RELEASE SAVEPOINT rally")
        except DATABASE_ERRORS as error:
            self.connection.invalidate()
            if not is_transient(error):
                raise MeasureError(f"the rule left its connection unusable: {describe_error(error)}") from None
            raise


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _lock_limit(driver: Any) -> str:
    """A lock that was not free for one rule is not waited for by the next one."""
    limits = driver.limits if isinstance(driver, LimitedConnection) else None
    return f"SET LOCAL lock_timeout = {_milliseconds(limits.next_lock)}" if limits else ""


TIMED_OUT, DATA_EXCEPTION = "57014", "22"
LONGEST_MESSAGE = 300


def timed_out(error: BaseException) -> bool:
    """Whether a statement was ended by its time limit."""
    return sqlstate(error) == TIMED_OUT


def not_free(error: BaseException) -> bool:
    """Whether a statement gave up waiting for a lock."""
    return sqlstate(error) == NOT_FREE


def explained(error: BaseException, timeout: float | None = None) -> str:
    """An error in a sentence that holds no data of the rows."""
    if timeout is not None and timed_out(error):
        return f"timed out after {timeout:g} s (SQLSTATE {TIMED_OUT})"
    if isinstance(error, CheckError):
        return str(error)
    if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
        # its own text repeats the statement with its parameters
        return f"the statement cannot be sent: {type(error.orig or error).__name__}"
    text = describe_error(error)
    if (sqlstate(error) or "").startswith(DATA_EXCEPTION):
        text = re.sub(r'"[^"]*"', '"…"', text)
    return text[:LONGEST_MESSAGE]


def attempt(session: Session, retries: int, pause: float, ask: Callable[[], Answer]) -> Answer:
    """Ask, and after a transient failure ask again, on a new connection if the old one is gone."""
    for tried in range(retries + 1):
        try:
            if tried:
                time.sleep(pause * 2 ** (tried - 1))
                session.renew()
            return ask()
        except DATABASE_ERRORS as error:
            if tried == retries or not is_transient(error):
                raise
    raise AssertionError("unreachable")


# a role name is an identifier and cannot be bound
ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


GENEROUS = """
SELECT set_config('jit', 'off', true),
       set_config('work_mem', (greatest(pg_size_bytes(current_setting('work_mem')), 33554432) / 1024)::text, true),
       set_config('max_parallel_workers_per_gather',
                  least(current_setting('max_parallel_workers_per_gather')::int, 1)::text, true)
"""
"""A key of a million rows is grouped in memory, without spilling; a statement that runs once is not worth compiling,
and one that starts two more processes takes from the sessions beside it what it gains."""


class Snapshot:
    """A moment of a database, held until the end of a block; `taken` counts how many were needed.

    `reader` is what rules are measured through. While `crowded`, no statement runs by more processes. `beside` works on
    the leading connection meanwhile; the block ends when that is done.
    """

    def __init__(self, engine: Engine, role: str | None, reader: Engine | None = None) -> None:
        self._engine, self._reader, self._role = engine, reader, role
        self._new_sets: Callable[[], Sets | None] = lambda: None
        self._leader: Connection | None = None
        self._lock, self._name = Lock(), ""
        self.beside = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self.sets: Sets | None = None
        self.role: str | None = None
        self.bound: Mapping[str, Any] = {}
        self.taken, self.crowded = 0, False

    def __enter__(self) -> Snapshot:
        self._lead()
        return self

    def __exit__(self, *_: object) -> None:
        self.beside.shutdown()
        if self._leader is not None:
            close(self._leader)

    def share(self, sets: Callable[[], Sets]) -> None:
        """Send along with statements what `sets` makes, anew for each moment."""
        self._new_sets, self.sets = sets, sets()

    def follow(self, lost: str = "") -> tuple[str, Connection]:
        """A connection that sees this moment, and the name of the moment; `lost` names one that could not be joined."""
        with self._lock:
            if lost and lost == self._name:
                self._lead()
            name = self._name
        connection = self._begin(self._reader or self._engine, f"SET TRANSACTION SNAPSHOT '{name}'")
        if self._reader is None:
            self._restrict(connection, self.role)
        return name, connection

    def leading(self) -> OpenSession:
        """A session on the connection that holds the moment, with all rights of the account: for no rule."""
        assert self._leader is not None  # noqa: S101 - inside `with`
        return OpenSession(self._leader)

    def _lead(self) -> None:
        if self._leader is not None:
            close(self._leader)
        self._leader = self._begin(self._engine, "SET LOCAL idle_in_transaction_session_timeout = 0")
        self._name = str(self._leader.execute(text("select pg_export_snapshot()")).scalar_one())
        self.role = self._usable(self._leader) if self._reader is None else self._reader.url.username
        self.sets = self._new_sets()
        self.taken += 1

    def _begin(self, engine: Engine, first: str) -> Connection:
        connection = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        try:
            connection.exec_driver_sql(first)
            # from the first query on, SET TRANSACTION READ WRITE is refused
            connection.exec_driver_sql(GENEROUS)
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
        self._follow()

    def _follow(self, lost: str = "") -> None:
        self._name, connection = self._snapshot.follow(lost)
        self._open = OpenSession(connection, ours=True)

    def bind(self, values: Mapping[str, Any]) -> None:
        """Give parameters their values, in all sessions of the snapshot."""
        self._snapshot.bound = values

    def all(self, statement: Select[Any], timeout: float, values: Mapping[str, Any] | None = None) -> Rows:
        """All rows of a statement, to which the sets that it shares with others are sent along."""
        session, sets = self._alive(), self._snapshot.sets
        if sets is None:
            return session.all(statement, timeout, values)
        sent, texts = sets.sent_along(statement, lambda rows, given: session.all(rows, timeout, given))
        return session.all(sent, timeout, {**texts, **(values or {})})

    def chunks(self, statement: Select[Any], timeout: float, size: int) -> Generator[Rows, None, None]:
        """The rows of a statement in chunks."""
        return self._alive().chunks(statement, timeout, size)

    def renew(self) -> None:
        """Connect again to the same moment, or to a new one when that is gone."""
        self.close()
        try:
            self._follow()
        except DATABASE_ERRORS:
            self._follow(lost=self._name)

    def cancel(self) -> None:
        """End the statement that is running, from another thread."""
        with suppress(Exception):  # there may be none, or no connection any more
            driver: Any = self._open.connection.connection.driver_connection
            driver.cancel_safe(timeout=2.0)

    def _alive(self) -> OpenSession:
        # the rule before may have lost the connection; that is not to be this rule's first failure
        if _is_gone(self._open.connection):
            self.renew()
        self._open.crowded = self._snapshot.crowded
        self._open.bind(self._snapshot.bound)
        return self._open

    def rest(self) -> None:
        """Free what the last statement holds, where others may be busy for long."""
        with suppress(MeasureError, *DATABASE_ERRORS):  # then it is replaced when it is needed
            self._open.leave()

    def close(self) -> None:
        """Give the connection back."""
        close(self._open.connection)


def _is_gone(connection: Connection) -> bool:
    """Whether there is nothing left on a connection to undo or to ask."""
    return connection.closed or connection.invalidated


def close(connection: Connection) -> None:
    """Close a connection, also one that is already broken."""
    try:
        connection.close()
    except DATABASE_ERRORS:
        with suppress(*DATABASE_ERRORS):  # closed already
            connection.invalidate()
