"""Runs a selection of rules: units side by side, each on a session of its own, on one snapshot.

Nothing is stored here: a report comes back, and the caller keeps it or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, Table

from checks.engine.collecting.rules import Rules, Selection
from checks.engine.collecting.wiring import Values, values
from checks.engine.judging.evaluate import carried_over, evaluate
from checks.engine.judging.judge import Baseline, Id, RunContext, Waiver, Waivers
from checks.engine.judging.outcome import Meeting, Outcome
from checks.engine.measuring.compile_queries import Query, Unasked, compile_queries
from checks.engine.measuring.measure import Asking, Unit, keys_of_scans, plan_scans
from checks.engine.measuring.reflect import Connect, NamedTables, SharedSets
from checks.engine.measuring.scope import Dimension, Labels, Parameters
from checks.engine.measuring.snapshot import Job, OpenSession, Session, Snapshot, SnapshotSession, one_by_one
from checks.engine.reporting.assemble import RunInfo, assemble
from checks.engine.reporting.report import Report
from checks.engine.reporting.verdict import COVERAGE_FLOOR
from etl.database import DATABASE_ERRORS

UnitHook = Callable[[Unit, Callable[[], list[Outcome]]], list[Outcome]]
"""Does the work of a unit, in the unit's thread, and returns its outcomes; it may time, log or show what it does."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: queries answered, of how many, and what was answered last."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run goes about it.

    `workers` connections measure at once (one more holds the snapshot). `role` is taken on where the database has it;
    with `reader`, an engine of an account that can only read, rules are measured through connections of its own.
    `timeout` caps every rule's own, in seconds. Up to `listed` bad rows of a rule are remembered one by one, more of
    them as a sketch. Without `details` there are counts and a score, but no examples, comparison or clusters;
    without `statements` no result has its SQL, whose writing takes a third of a run over few rows. Less than `floor` of
    what counts measured is no healthy run.
    """

    workers: int = 4
    role: str | None = None
    reader: Engine | None = None
    timeout: float | None = None
    pause: float = 0.2
    examples: int = 5
    clusters: int = 3
    listed: int = 2_500
    details: bool = True
    statements: bool = True
    floor: float = COVERAGE_FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run, and what a run may know besides the database.

    `now` is the moment that rules compare with, `today` its day where the operator lives; `another_day` says that it is
    not the day of the run, so its readings are about what was or might be. `values` are given to rules by argument
    name, as the collected rules declared them in `provided`. `tables` describes tables by their full name, for rules
    that know them by name alone: their keys, and which columns are personal. `bases` gives digests of what queries rest
    on: a query with the basis of its carried result of the baseline is not measured.
    """

    now: datetime
    today: date | None = None
    another_day: bool = False
    selection: Selection = field(default_factory=Selection)
    options: Options = field(default_factory=Options)
    baseline: Baseline = field(default_factory=Baseline)
    waivers: Sequence[Waiver] = ()
    dimensions: Sequence[Dimension] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    run: str = field(default_factory=lambda: str(uuid4()))
    progress: Callable[[Progress], None] | None = None
    bases: Callable[[Session, Sequence[Query]], Mapping[Id, str]] | None = None
    around: UnitHook = lambda unit, work: work()

    @property
    def day(self) -> date:
        """The day that rules compare with."""
        return self.today or self.now.date()


def run_checks(engine: Engine, rules: Rules, request: Request) -> Report:
    """Run rules on one snapshot, side by side, read-only. Raises SelectionError for a scope that is not there.

    The rules are those of the selection already, which says here only what the run is called and which rows count.
    """
    started = datetime.now(UTC)
    with Snapshot(engine, request.options.role, request.options.reader) as snapshot:
        first = SnapshotSession(snapshot)
        try:
            with _values(rules, request) as given:
                prepared = _prepare(first, rules, request, given, engine.connect, snapshot)
                with closing(Sessions(snapshot, first, request.options.workers)) as pool:
                    context = replace(prepared.context, spread=pool.spread)
                    work = replace(prepared, context=context).work
                    outcomes = side_by_side(prepared.units, pool, work, _told(request, prepared.units))
                role = snapshot.role
            outcomes.append(list(prepared.carried))
            return _report(request, prepared, outcomes, started, given, snapshots=snapshot.taken, role=role)
        finally:
            first.close()


def measure_on(connection: Connection, rules: Rules, request: Request) -> Report:
    """Run rules one after another on an open connection, inside its transaction, which is neither begun nor ended.

    What an import is about to publish can be measured this way, and `report.as_baseline()` compares after with before.
    """
    started = datetime.now(UTC)
    session = OpenSession(connection)
    with _values(rules, request) as given:
        prepared = _prepare(session, rules, request, given, lambda: nullcontext(connection))
        notify = _told(request, prepared.units)
        outcomes = []
        for unit in prepared.units:
            outcomes.append(prepared.work(session, unit))
            notify(unit)
    return _report(request, prepared, outcomes, started, given, snapshots=1, role=None)


@dataclass(frozen=True, slots=True)
class _Prepared:
    units: tuple[Unit, ...]
    carried: tuple[Outcome, ...]
    unasked: tuple[Unasked, ...]
    context: RunContext
    labels: Labels
    waivers: Waivers
    around: UnitHook
    meeting: Meeting

    def work(self, session: Session, unit: Unit) -> list[Outcome]:
        return self.around(unit, lambda: evaluate(session, unit, self.context, self.meeting))


def _values(rules: Rules, request: Request) -> AbstractContextManager[Values]:
    given = {"today": request.day, "now": request.now, **request.values}
    return values(rules.fixtures, given)


def _prepare(  # noqa: PLR0917 - all that a run knows before it measures
    session: Session, rules: Rules, request: Request, given: Values, connect: Connect, moment: Snapshot | None = None
) -> _Prepared:
    tables = NamedTables(connect, request.tables)
    labels = Labels(session, request.dimensions)
    scope = labels.scope(request.selection.scope).with_parameters()
    session.bind(scope.named)
    if moment is not None:
        moment.share(lambda: SharedSets(scope.narrowed, scope.shape))
    parameters = Parameters(session, given, request.selection.scope, request.baseline.readings)
    asked = compile_queries(rules.values(), parameters, given, scope, labels=labels, tables=tables)
    waivers = Waivers.of(request.waivers, rules, request.day)
    queries = [item for item in asked if isinstance(item, Query)]
    context = RunContext(
        how=Asking(
            scope, request.options.pause, request.options.timeout, request.options.listed * request.options.details
        ),
        baseline=request.baseline,
        waivers=waivers,
        dimensions=request.dimensions,
        listed=request.options.listed,
        details=request.options.details,
        statements=request.options.statements,
        spread=one_by_one,
        bases=_bases(request, moment, queries),
    )
    carried = [outcome for query in queries if (outcome := carried_over(query, context)) is not None]
    there = {outcome.query.id for outcome in carried}
    units = plan_scans(query for query in queries if query.id not in there)
    if context.how.keys:
        context = replace(context, how=replace(context.how, columns=keys_of_scans(session, units)))
    unasked = tuple(item for item in asked if isinstance(item, Unasked))
    return _Prepared(units, tuple(carried), unasked, context, labels, waivers, request.around, Meeting(units))


def _bases(request: Request, moment: Snapshot | None, queries: Sequence[Query]) -> Callable[[], Mapping[Id, str]]:
    """What queries rest on, found out on the leading connection, which nobody else uses while they are measured."""
    if moment is None or request.bases is None:
        return dict
    return moment.beside.submit(request.bases, moment.leading(), queries).result


def _told(request: Request, units: Iterable[Unit]) -> Callable[[Unit], None]:
    """Tells how far a run is, from whichever thread has done a unit."""
    total = sum(len(unit.queries) for unit in units)
    done, one_by_one = 0, Lock()

    def tell(unit: Unit) -> None:
        nonlocal done
        with one_by_one:
            done += len(unit.queries)
            if request.progress is not None:
                request.progress(Progress(done, total, unit.name))

    return tell


def _report(
    request: Request,
    prepared: _Prepared,
    groups: Sequence[Sequence[Outcome]],
    started: datetime,
    given: Values,
    *,
    snapshots: int,
    role: str | None,
) -> Report:
    circumstances = RunInfo(
        run=request.run,
        started=started,
        today=request.day,
        selection=str(request.selection),
        snapshots=snapshots,
        role=role,
        role_wanted=request.options.role,
        examples=request.options.examples,
        clusters=request.options.clusters,
        floor=request.options.floor,
        another_day=request.another_day,
        complaints=tuple(given.complaints),
    )
    outcomes = [outcome for group in groups for outcome in group]
    return assemble(outcomes, prepared.unasked, prepared.context, prepared.labels, circumstances)


Done = TypeVar("Done")


class Sessions:
    """Up to `most` sessions of a snapshot, the first one among them; who finds none free opens one.

    So they are opened side by side, while others work already. A database with few connections left gives fewer.
    """

    def __init__(self, snapshot: Snapshot, first: SnapshotSession, most: int) -> None:
        self.snapshot, self.most = snapshot, most
        self.opened, self._begun, self._over = [first], 1, False
        self._free: SimpleQueue[SnapshotSession] = SimpleQueue()
        self._free.put(first)
        self._opening = Lock()

    @contextmanager
    def taken(self, timeout: float | None = None) -> Iterator[SnapshotSession]:
        """A session that nobody else uses meanwhile; waits for one, and raises Empty after `timeout` seconds.

        Raises CancelledError once the run is over.
        """
        try:
            session = self._free.get_nowait()
        except Empty:
            session = self._another() or self._free.get(timeout=timeout)
        try:
            if self._over:
                raise CancelledError
            yield session
        finally:
            self._give_back(session)

    def _another(self) -> SnapshotSession | None:
        with self._opening:
            if self._over or self._begun >= self.most:
                return None
            self._begun += 1
        try:
            session = SnapshotSession(self.snapshot)
        except DATABASE_ERRORS:
            self.most = len(self.opened)
            return None
        with self._opening:
            if not self._over:
                self.opened.append(session)
                return session
        session.close()
        return None

    def _give_back(self, session: SnapshotSession) -> None:
        if not self.snapshot.crowded:  # nobody may need it for long
            # who helped a unit may come back after the run's end: the connection is another's then
            with self._opening:
                if not self._over:
                    session.rest()
        self._free.put(session)

    def spread(self, session: Session, jobs: Sequence[Job]) -> None:
        """Do some work on a session and on all that are idle meanwhile, or get idle."""
        waiting, done = SimpleQueue[Job](), Semaphore(0)
        for job in jobs:
            waiting.put(job)
        for _ in jobs[1 : self.most]:
            Thread(target=self._help, args=(waiting, done), daemon=True).start()
        _work_off(waiting, done, session)
        for _ in jobs:
            done.acquire()

    def _help(self, waiting: SimpleQueue[Job], done: Semaphore) -> None:
        while not (waiting.empty() or self._over):
            with suppress(Empty, CancelledError), self.taken(ONCE_MORE) as session:
                _work_off(waiting, done, session)

    def cancel(self) -> None:
        """End what is running, from another thread, and let nothing else begin."""
        with self._opening:
            self._over = True
        for session in self.opened:
            session.cancel()

    def close(self) -> None:
        """Close all but the first one, which is its owner's, and let nobody open one any more."""
        with self._opening:
            self._over = True
        for session in self.opened[1:]:
            session.close()


ONCE_MORE = 0.05
"""Seconds after which a helper without a session looks whether there is still something to do."""


def _work_off(waiting: SimpleQueue[Job], done: Semaphore, session: Session) -> None:
    with suppress(Empty):
        while True:
            job = waiting.get_nowait()
            try:
                job(session)
            finally:
                done.release()


def side_by_side(
    units: Sequence[Unit],
    pool: Sessions,
    work: Callable[[SnapshotSession, Unit], Done],
    done: Callable[[Unit], None],
) -> list[Done]:
    """The answers for all units, in their order. An interrupt cancels what is running and goes on upwards.

    A worker itself tells what it has done: to wake the thread that waits for all took as long as to ask for a few rows.
    """
    left = iter(range(len(units) - 1, -1, -1))

    def run(unit: Unit) -> Done:
        with pool.taken() as session:
            pool.snapshot.crowded = next(left) >= pool.most
            answer = work(session, unit)
        done(unit)
        return answer

    with ThreadPoolExecutor(max(1, min(pool.most, len(units))), thread_name_prefix="rules") as executor:
        futures = [executor.submit(run, unit) for unit in units]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            pool.cancel()
            raise
    return [future.result() for future in futures]
