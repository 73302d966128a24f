"""All rules of a run see one moment, whatever happens to connections meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import Empty
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, Engine, event, func, select, text
from sqlalchemy.exc import OperationalError

from checks import Bad, Row, Severity, Status, above, check, percent, row_check, rows
from checks.engine.collecting.rules import Rules
from checks.engine.judging.outcome import Outcome
from checks.engine.measuring.compile_queries import Query
from checks.engine.measuring.measure import Unit
from checks.engine.measuring.snapshot import OpenSession, Session, Snapshot, SnapshotSession, asking
from checks.engine.run import Progress, Sessions, run_checks
from etl.database import open_engine
from tests.checks.engine.conftest import Run, counted, request, thing, things

Put = Callable[..., None]
SET_LIMIT = "SAVEPOINT rally; SET LOCAL statement_timeout"
ROUTINE = above(warn=percent(10), critical=percent(50))


@row_check(things, severity=Severity.LOW, threshold=ROUTINE)
def big(row: Row) -> ColumnElement[bool]:
    """Bigger than nine."""
    return row.size > 9


def counting(name: str) -> Callable[..., Any]:
    """A rule that counts all things."""

    def count() -> Bad:
        return Bad(select(things.c.id))

    count.__name__ = name
    return check(severity=Severity.LOW, threshold=above(warn=rows(1000)))(count)


@contextmanager
def ending(engine: Engine, when: str, times: int = 1) -> Iterator[list[int]]:
    """End the server process of the first connections that send a statement with `when` in it, just before they do."""
    ended: list[int] = []

    def end(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        if when in statement and len(ended) < times:
            backend = connection.connection.driver_connection.info.backend_pid
            ended.append(backend)
            with engine.connect() as other:
                other.execute(text("select pg_terminate_backend(:backend, 5000)"), {"backend": backend})

    event.listen(engine, "before_cursor_execute", end)
    yield ended
    event.remove(engine, "before_cursor_execute", end)


def test_every_rule_sees_the_moment_of_the_first(shelves: Engine, put: Put) -> None:
    put(thing("a"))
    rules = Rules.of(*(counting(f"count_{number}") for number in range(6)))

    def add_a_row(_: Progress) -> None:
        put(thing("late"))

    report = run_checks(shelves, rules, request(progress=add_a_row, workers=2))

    assert [result.count for result in report.results] == [1] * 6
    assert report.snapshots == 1


def test_a_lost_connection_is_replaced_within_the_same_moment(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=10))

    with ending(shelves, "FROM things") as ended:
        report = run(big, counting("all_things"), workers=1)

    assert (len(ended), report.snapshots) == (1, 1)
    assert [result.count for result in report.results] == [1, 1]


def test_a_rule_without_retries_does_not_get_another_try(run: Run, put: Put, shelves: Engine) -> None:
    @row_check(things, severity=Severity.LOW, threshold=ROUTINE, retries=0)
    def once(row: Row) -> ColumnElement[bool]:
        return row.size > 9

    put(thing("a", size=10))

    with ending(shelves, "FROM things"):
        result = run(once, workers=1).of("once")

    assert (result.status, result.error) == (
        Status.ERROR,
        "terminating connection due to administrator command (SQLSTATE 57P01)",
    )


def test_when_the_moment_itself_is_lost_the_report_says_so(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=10))
    others = "from pg_stat_activity where datname = :own and pid <> pg_backend_pid()"
    everyone = text(f"select pg_terminate_backend(pid, 5000) {others}")
    lost: list[bool] = []

    def lose(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM things" in statement and not lost:
            lost.append(True)
            with shelves.connect() as other:
                other.execute(everyone, {"own": shelves.url.database})

    event.listen(shelves, "before_cursor_execute", lose)
    try:
        report = run(big, workers=1)
    finally:
        event.remove(shelves, "before_cursor_execute", lose)

    assert (report.of("big").count, report.snapshots) == (1, 2)


def test_a_database_that_is_away_is_an_error_of_the_run(tmp_path: Any) -> None:
    away = open_engine(f"postgresql://nobody@/nothing?host={tmp_path}")

    with pytest.raises(OperationalError):
        run_checks(away, Rules.of(big), request())


def test_the_session_runs_under_the_role_where_there_is_one(shelves: Engine) -> None:
    with shelves.begin() as connection:
        connection.execute(text("create role shelf_reader"))
        connection.execute(text("grant select on things to shelf_reader"))
    try:
        with Snapshot(shelves, "shelf_reader") as moment:
            _, connection = moment.follow()
            found = connection.execute(select(func.current_user())).scalar_one()
            connection.close()
    finally:
        with shelves.begin() as connection:
            connection.execute(text("drop owned by shelf_reader; drop role shelf_reader"))

    assert (moment.role, found) == ("shelf_reader", "shelf_reader")


def test_a_role_that_is_not_there_is_done_without(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    report = run(big, role="nobody_has_this_role")

    assert (report.role, report.role_wanted, report.of("big").count) == (None, "nobody_has_this_role", 1)


def test_a_name_that_is_no_role_is_never_sent(run: Run, put: Put) -> None:
    put(thing("a", size=10))

    assert run(big, role='x"; drop table things; --').role is None


def test_nothing_outlives_the_run(run: Run, put: Put, shelves: Engine) -> None:
    put(thing("a", size=10))
    run(big, counting("all_things"))

    others = "from pg_stat_activity where datname = :own and pid <> pg_backend_pid()"
    busy = text(f"select count(*) {others} and state <> 'idle'")
    with shelves.connect() as connection:
        assert connection.execute(busy, {"own": shelves.url.database}).scalar_one() == 0
        assert connection.execute(text("show transaction_read_only")).scalar_one() == "off"
        assert connection.execute(text("show statement_timeout")).scalar_one() == "10min"  # any transaction's


def test_an_interrupt_ends_what_is_running(shelves: Engine, put: Put) -> None:
    @row_check(things, severity=Severity.LOW, threshold=ROUTINE)
    def slow(row: Row) -> ColumnElement[bool]:
        return func.pg_sleep(30).is_(None)

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    put(thing("a"))

    with pytest.raises(KeyboardInterrupt):
        run_checks(shelves, Rules.of(slow, counting("all_things")), request(progress=interrupt, workers=2))


def test_what_is_found_out_beside_a_run_that_is_interrupted_is_waited_for(shelves: Engine, put: Put) -> None:
    """It uses the leading connection, which is another's afterwards."""
    interrupted, answers = Event(), list[Any]()

    def interrupt(_: Progress) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    def bases(session: Session, _: Sequence[Query]) -> dict[tuple[str, str], str]:
        interrupted.wait(30)
        answers.extend(session.all(asking(), 30))
        return {}

    put(thing("a"))

    with pytest.raises(KeyboardInterrupt):
        run_checks(shelves, Rules.of(counting("all_things")), request(progress=interrupt, bases=bases, details=False))

    assert answers == [(1,)]


def test_a_session_that_gets_idle_while_others_work_helps_them(shelves: Engine) -> None:
    """Both jobs wait for each other, and the second session gets idle only when the first job has begun."""
    met = Barrier(2)
    with Snapshot(shelves, None) as snapshot, ExitStack() as whole, ExitStack() as busy:
        pool = Sessions(snapshot, SnapshotSession(snapshot), 2)
        own, other = whole.enter_context(pool.taken()), busy.enter_context(pool.taken())
        used: list[object] = []

        def first(session: Session) -> None:
            used.append(session)
            busy.close()
            met.wait(30)

        def second(session: Session) -> None:
            used.append(session)
            met.wait(30)

        pool.spread(own, [first, second])
        pool.close()
        own.close()

    assert used == [own, other]


class Counted(Snapshot):
    """One that says when a session begins to join it, and lets it only once so many do."""

    def __init__(self, engine: Engine, together: int) -> None:
        super().__init__(engine, None)
        self.met = Barrier(together)

    def follow(self, lost: str = "") -> tuple[str, Connection]:
        """As of any other, but together."""
        self.met.wait(30)
        return super().follow(lost)


def test_sessions_are_opened_side_by_side_while_others_work(shelves: Engine) -> None:
    """The first one is taken, so three who need one open three at once, and a fifth who comes waits."""
    moment = Counted(shelves, 3)
    with Snapshot(shelves, None) as snapshot:
        first = SnapshotSession(snapshot)
        with moment, ExitStack() as taken, ThreadPoolExecutor(3) as threads:
            pool = Sessions(moment, first, 4)
            own = taken.enter_context(pool.taken())
            others = list(threads.map(lambda _: taken.enter_context(pool.taken()), range(3)))
            with pytest.raises(Empty), pool.taken(0.0):
                pass
            assert own is first
            assert len({*others, first}) == len(pool.opened) == 4
            taken.close()
            pool.close()
        first.close()


def test_a_database_with_few_connections_left_gives_fewer_sessions(shelves: Engine) -> None:
    with shelves.begin() as connection:
        connection.execute(text("create role shelf_few login connection limit 2"))
    few = open_engine(shelves.url.set(username="shelf_few").render_as_string(hide_password=False))
    try:
        with Snapshot(shelves, None, few) as snapshot, ExitStack() as taken:
            pool = Sessions(snapshot, SnapshotSession(snapshot), 4)
            used = [taken.enter_context(pool.taken()) for _ in range(2)]
            with pytest.raises(Empty), pool.taken(0.0):
                pass
            taken.close()
            pool.close()
            used[0].close()
    finally:
        few.dispose()
        with shelves.begin() as connection:
            connection.execute(text("drop role shelf_few"))

    assert len(pool.opened) == 2


def test_nothing_begins_after_an_interrupt(shelves: Engine) -> None:
    with Snapshot(shelves, None) as snapshot:
        first = SnapshotSession(snapshot)
        pool = Sessions(snapshot, first, 2)
        pool.cancel()
        for _ in range(2):  # the session is given back
            with pytest.raises(CancelledError), pool.taken():
                pass
        first.close()


def test_a_session_that_was_opened_too_late_is_closed(shelves: Engine) -> None:
    moment = Counted(shelves, 2)
    with Snapshot(shelves, None) as snapshot, moment, ThreadPoolExecutor(1) as threads:
        first = SnapshotSession(snapshot)
        pool = Sessions(moment, first, 2)
        with pool.taken():
            late = threads.submit(lambda: pool.taken(0.0).__enter__())
            while not moment.met.n_waiting:
                pass
            pool.close()
            before = shelves.pool.checkedout()  # type: ignore[attr-defined]  # a QueuePool
            moment.met.wait(30)
            with pytest.raises(Empty):
                late.result(30)
        first.close()

        assert pool.opened == [first]
        assert shelves.pool.checkedout() == before - 1  # type: ignore[attr-defined]


def test_a_session_that_comes_back_at_the_end_leaves_no_connection_in_a_failed_transaction(shelves: Engine) -> None:
    """Who helped a unit may still undo what its last statement left when the run gives its connections back."""
    resting, closed = Event(), Event()

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("ROLLBACK TO SAVEPOINT rally; RELEASE"):
            resting.set()
            closed.wait(0.2)

    def help_out() -> None:
        with pool.taken() as session:
            session.all(asking(), 30)

    with Snapshot(shelves, None) as snapshot, ThreadPoolExecutor(1) as threads:
        pool = Sessions(snapshot, first := SnapshotSession(snapshot), 2)
        with pool.taken():
            event.listen(shelves, "before_cursor_execute", wait)
            helped = threads.submit(help_out)
            resting.wait(30)
            pool.close()
            closed.set()
            helped.result(30)
            event.remove(shelves, "before_cursor_execute", wait)
        first.close()

    with ExitStack() as every:
        for _ in range(shelves.pool.checkedin()):  # type: ignore[attr-defined]  # a QueuePool
            assert every.enter_context(shelves.begin()).execute(text("select true")).scalar_one()


def test_no_statement_takes_further_processes_as_long_as_others_wait(shelves: Engine, put: Put) -> None:
    put(thing("a"))
    rules = Rules.of(*(counting(f"count_{number}") for number in range(6)))

    with counted(shelves) as statements:
        run_checks(shelves, rules, request(workers=2))

    savepoints = ["max_parallel_workers_per_gather = 0" in sent for sent in statements if SET_LIMIT in sent]
    assert any(savepoints)
    assert not savepoints[-1]


@pytest.mark.parametrize(("allowed", "taken"), [(8, "1"), (0, "0")])
def test_a_statement_takes_one_further_process_at_most(shelves: Engine, allowed: int, taken: str) -> None:
    with shelves.begin() as connection:
        connection.exec_driver_sql(f"ALTER ROLE CURRENT_USER SET max_parallel_workers_per_gather = {allowed}")
    shelves.dispose()
    try:
        with Snapshot(shelves, None) as moment:
            session = SnapshotSession(moment)
            assert session.all(asking(func.current_setting("max_parallel_workers_per_gather")), 5)[0][1] == taken
            session.close()
    finally:
        with shelves.begin() as connection:
            connection.exec_driver_sql("ALTER ROLE CURRENT_USER RESET max_parallel_workers_per_gather")
        shelves.dispose()


def test_a_statement_takes_two_exchanges_with_the_server(shelves: Engine) -> None:
    with Snapshot(shelves, None) as moment:
        session = SnapshotSession(moment)
        with counted(shelves) as statements:
            for name in (things.c.name, things.c.size, things.c.shelf):
                session.all(asking(name), 5.0)
        session.close()

    assert len(statements) == 6


def test_an_idle_session_holds_no_lock(shelves: Engine) -> None:
    held = text("select count(*) from pg_locks where relation = 'things'::regclass")
    with Snapshot(shelves, None) as moment, shelves.connect() as other:
        session = SnapshotSession(moment)
        session.all(asking(things.c.name), 5.0)
        before = other.execute(held).scalar_one()
        session.rest()
        session.rest()
        after = other.execute(held).scalar_one()
        again = session.all(asking(func.count()).select_from(things), 5.0)
        session.close()

    assert (before > 0, after, len(again)) == (True, 0, 1)


def test_rules_are_measured_while_it_is_found_out_what_they_rest_on(shelves: Engine, put: Put) -> None:
    begun, seen = Event(), list[bool]()

    def around(unit: Unit, work: Callable[[], list[Outcome]]) -> list[Outcome]:
        begun.set()
        return work()

    def bases(session: Session, queries: Sequence[Query]) -> dict[tuple[str, str], str]:
        seen.append(begun.wait(30))
        return {query.id: f"of {query.check.name}" for query in queries}

    put(thing("a", size=10))
    report = run_checks(shelves, Rules.of(big, counting("all_things")), request(bases=bases, around=around))

    assert seen == [True]
    assert {result.rule: result.basis for result in report.results} == {"big": "of big", "all_things": "of all_things"}


def test_what_fails_while_it_is_found_out_what_rules_rest_on_fails_the_run(shelves: Engine, put: Put) -> None:
    def bases(session: Session, queries: Sequence[Query]) -> dict[tuple[str, str], str]:
        raise LookupError("nobody knows")

    put(thing("a", size=10))

    with pytest.raises(LookupError, match="nobody knows"):
        run_checks(shelves, Rules.of(big), request(bases=bases))


def test_rows_in_chunks_stay_in_the_database_until_they_are_asked_for(shelves: Engine, put: Put) -> None:
    put(*(thing(str(number)) for number in range(5)))
    cursors = text("select count(*) from pg_cursors where name <> ''")

    with shelves.connect() as connection:
        chunks = OpenSession(connection).chunks(asking(things.c.name), 9, 2)
        first = next(chunks)
        held = connection.scalar(cursors)
        rest = [len(chunk) for chunk in chunks]

    assert (len(first), held, rest) == (2, 1, [2, 1])
