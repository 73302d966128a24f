"""No wait is for ever: real locks, and a real proxy that goes silent or cuts."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, PendingRollbackError

from checks.engine.measuring.snapshot import OpenSession, asking
from etl import DatabaseUnavailable, LockNotFree, OutOfTime, UnreadableValue
from etl.connections import BLOCK, DeadlinePassed, LimitedConnection, NoAnswer, TimeLimits, blocks_of
from etl.database import DATABASE_ERRORS, describe_error, is_lost, is_transient, open_engine, own_error
from etl.tables import schedule
from tests.silent import DatabaseProxy, Fault


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def hurried(database: Engine) -> Iterator[Engine]:
    """An engine that waits half a second for a lock, and two seconds for a statement."""
    engine = open_engine(url_of(database), application="the one who waits", limits=TimeLimits(lock=0.5, statement=2))
    yield engine
    engine.dispose()


def _refused_behind_a_lock(holder: Engine, waiting: Engine, lock: str) -> tuple[int, DBAPIError]:
    """The process that holds a lock on the schedule, and what another session gets that reads it meanwhile."""
    with holder.begin() as holding:
        pid: int = holding.scalar(text("select pg_backend_pid()"))
        holding.execute(text(lock))

        with pytest.raises(DBAPIError) as caught, waiting.begin() as connection:
            connection.execute(text("select count(*) from schedule"))

    return pid, caught.value


def test_a_lock_that_another_session_holds_ends_the_wait_and_is_named(database: Engine, hurried: Engine) -> None:
    holder = open_engine(url_of(database), application="somebody's psql")

    pid, error = _refused_behind_a_lock(
        holder, hurried, "lock table schedule /* 'a name' 5550100 */ in access exclusive mode"
    )

    holder.dispose()
    meant = own_error(error)
    assert isinstance(meant, LockNotFree)
    assert f"process {pid} (somebody's psql of rally)" in str(meant)
    assert "idle in transaction: lock table schedule /* ? ? */ in access exclusive mode" in str(meant)


def test_of_a_blocker_that_may_not_be_looked_at_is_said_what_is_known(database: Engine) -> None:
    """It was "since None UTC: <insufficient privilege>"."""
    url = database.url.update_query_dict({"options": "-c role=rally_reader"}).render_as_string(hide_password=False)
    unprivileged = open_engine(url, limits=TimeLimits(lock=0.5, statement=2))

    pid, error = _refused_behind_a_lock(database, unprivileged, "lock table schedule in access exclusive mode")

    unprivileged.dispose()
    assert describe_error(error) == (
        f"canceling statement due to lock timeout (SQLSTATE 55P03); it waited for process {pid} (rally-health of rally)"
        "; since when and by what may be seen by rally and by members of pg_read_all_stats alone"
    )


def test_a_rule_waits_hardly_for_a_lock_that_was_not_free_for_the_one_before_and_names_the_same(
    database: Engine, hurried: Engine
) -> None:
    """One lock on one table cost a check seven waits, one after another."""
    limit, count = asking(func.current_setting("lock_timeout")), asking(func.count()).select_from(schedule)
    with database.begin() as holding, hurried.begin() as connection:
        pid = holding.scalar(text("select pg_backend_pid()"))
        holding.execute(text("lock table schedule in access exclusive mode"))
        session, limits, errors = OpenSession(connection), list[str](), list[str]()
        for _ in range(2):
            limits.append(session.all(limit, 5)[0][1])
            with pytest.raises(DBAPIError) as caught:
                session.all(count, 5)
            errors.append(describe_error(caught.value))
        outside = connection.scalar(select(func.current_setting("lock_timeout")))

    assert (limits, outside) == (["500ms", "200ms"], "500ms")
    assert [f"process {pid} " in error for error in errors] == [True, True]


def test_a_statement_that_is_blocked_by_nobody_names_nobody(hurried: Engine) -> None:
    with pytest.raises(DBAPIError) as caught, hurried.begin() as connection:
        connection.execute(text("select pg_sleep(30)"))

    assert isinstance(own_error(caught.value), OutOfTime)
    assert "it waited for" not in describe_error(caught.value)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_network_that_goes_silent_in_a_statement_is_noticed(database: Engine, fault: Fault) -> None:
    with DatabaseProxy(url_of(database)) as proxy:
        engine = open_engine(proxy.url, limits=TimeLimits(lock=0.5, statement=1))
        proxy.fail_at("select 4711", 1, fault)
        began = time.monotonic()

        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.execute(text("select 4711"))

        assert time.monotonic() - began < 60  # and not for ever
        assert isinstance(own_error(caught.value), DatabaseUnavailable)
        engine.dispose()


def test_a_network_that_goes_silent_in_a_commit_is_noticed(database: Engine) -> None:
    with DatabaseProxy(url_of(database)) as proxy:
        engine = open_engine(proxy.url, limits=TimeLimits(lock=0.5, statement=0.5))
        proxy.fail_at("COMMIT", 1, Fault.SILENT)

        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.execute(text("select 1"))

        assert isinstance(caught.value.orig, NoAnswer)
        assert is_transient(caught.value)
        engine.dispose()


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("fault", list(Fault))
def test_what_became_of_a_commit_whose_answer_got_lost_is_asked(
    database: Engine, fault: Fault, before: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is told of an error does it again, and whoever is told of none does not."""
    with DatabaseProxy(url_of(database)) as proxy:
        engine = open_engine(proxy.url, limits=TimeLimits(lock=0.5, statement=1))
        proxy.fail_at("COMMIT", 1, fault, before=before, for_good=False)
        error = None

        try:
            with engine.begin() as connection:
                connection.execute(text("insert into leagues (league_id, league_name) values ('X', 'x')"))
        except DBAPIError as raised:
            error = raised

        with engine.begin() as connection:
            stored = connection.scalar(text("select count(*) from leagues"))
        engine.dispose()
    assert proxy.failed
    assert (error is None, stored) == ((False, 0) if before else (True, 1))
    assert error is None or is_transient(error)
    assert caplog.records == []


def test_the_deadline_of_a_command_ends_a_statement_and_is_not_worth_another_try(database: Engine) -> None:
    with DatabaseProxy(url_of(database)) as proxy:
        engine = open_engine(proxy.url, limits=TimeLimits(until=time.monotonic() + 1))
        proxy.fail_at("select 4711", 1, Fault.SILENT)

        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.execute(text("select 4711"))

        assert isinstance(caught.value.orig, DeadlinePassed)
        assert isinstance(own_error(caught.value), OutOfTime)
        assert not is_transient(caught.value)
        engine.dispose()


def test_a_statement_that_the_deadline_ends_says_so_and_names_who_kept_it_waiting(database: Engine) -> None:
    """It was told as a statement timeout, with the advice to raise RALLY_WRITE_TIMEOUT."""
    engine = open_engine(url_of(database), limits=TimeLimits(until=time.monotonic() + 1.5))
    with database.begin() as holding:
        pid = holding.scalar(text("select pg_backend_pid()"))
        holding.execute(text("lock table schedule in access exclusive mode"))

        with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
            connection.execute(text("select count(*) from schedule"))

    engine.dispose()
    assert not is_transient(caught.value)
    assert str(own_error(caught.value)).startswith(
        f"the deadline of the command has passed; it waited for process {pid} (rally-health of rally) since "
    )


def test_a_statement_that_is_interrupted_leaves_neither_a_connection_nor_a_line_in_the_log(
    database: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The deadline of a command interrupts Python wherever it is: the pool then logged a rollback that cannot be."""

    def interrupt(*_: object) -> None:
        raise OutOfTime("the deadline")

    with DatabaseProxy(url_of(database)) as proxy:
        engine = open_engine(proxy.url)
        proxy.fail_at("select 4711", 1, Fault.SILENT)
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)

        with pytest.raises(OutOfTime), engine.begin() as connection:
            connection.execute(text("select 4711"))

        signal.signal(signal.SIGALRM, before)
        engine.dispose()
    assert caplog.records == []


def test_a_lost_connection_is_one_thing_in_every_layer(database: Engine) -> None:
    """It shows as DBAPIError, then as PendingRollbackError, inside a savepoint as InvalidRequestError, in COPY bare."""
    seen: list[Exception] = []
    with database.connect() as connection, connection.begin(), connection.begin_nested():
        pid = connection.scalar(text("select pg_backend_pid()"))
        with database.connect() as other:
            other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        for _ in range(3):
            try:
                connection.execute(text("select 1"))
            except DATABASE_ERRORS as error:
                seen.append(error)
        connection.get_nested_transaction().close()  # type: ignore[union-attr]
        with pytest.raises(DATABASE_ERRORS) as caught:
            connection.execute(text("select 1"))
        seen.append(caught.value)
        connection.get_transaction().close()  # type: ignore[union-attr]

    assert {type(error) for error in seen} & {PendingRollbackError, InvalidRequestError}
    assert all(is_lost(error) and is_transient(error) for error in seen)


def test_a_connection_lost_in_a_copy_is_lost_as_well(database: Engine) -> None:
    with database.connect() as connection, database.connect() as other:
        driver = connection.connection.driver_connection
        assert driver is not None

        def copy_until_it_fails() -> None:
            with driver.cursor() as cursor, cursor.copy("copy leagues (league_id) from stdin") as copy:
                other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": driver.info.backend_pid})
                while True:
                    copy.write_row(["x" * 100])

        with pytest.raises(DATABASE_ERRORS) as caught:
            copy_until_it_fails()
        connection.invalidate()

    assert is_lost(caught.value)


@pytest.mark.parametrize("value", ["date 'infinity'", "date '12000-01-01'", "time '24:00'"])
def test_a_value_that_python_cannot_hold_is_no_lost_connection(value: str, database: Engine) -> None:
    with database.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text(f"select {value}")).all()

    assert isinstance(own_error(caught.value), UnreadableValue)
    assert not is_transient(caught.value)


def test_a_copy_is_read_in_few_blocks_of_whole_rows(database: Engine) -> None:
    """Each row was waited for, which took most of the time of a snapshot."""
    copied = "copy (select n, repeat('x', 90) from generate_series(1, 25000) n) to stdout"
    with database.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, LimitedConnection)
        with driver.cursor() as cursor, cursor.copy(copied) as rows:
            blocks = [*blocks_of(rows)]

    lines = b"".join(blocks).splitlines()
    assert [int(line.split(b"\t")[0]) for line in lines] == [*range(1, 25_001)]
    assert all(block.endswith(b"\n") and len(block) < BLOCK + 100 for block in blocks)
    assert len(blocks) == 3
