"""Imports all feeds of some paths, one after another, one importer at a time; and tries refused rows again.

The importer's lock is one that the server frees when its holder dies. A feed that does not go through holds back no
other.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, delete, func, select, text, update

from etl import EtlError, FeedError, ImporterBusy
from etl.circuit_breaker import require_running
from etl.connections import GRACE, TimeLimits
from etl.database import DATABASE_ERRORS, describe_error, retried
from etl.feeds import Feed, discover
from etl.importing import FeedResult, ImportReport, Outcome, ledger
from etl.importing.held import Waiting, waiting_part, worth_another_try
from etl.importing.import_feed import import_feed, import_held, try_feeds
from etl.importing.ledger_queries import list_rejects
from etl.importing.options import Options
from etl.kinds import kind_named
from etl.tables import import_feeds, rejects
from etl.words import number_of

log = logging.getLogger("rally.import")

LOCK_KEY = 0x52414C4C59  # "RALLY"
POLL_SECONDS = 0.2

HOLDER = text("""
select a.pid, a.usename, a.application_name, a.xact_start
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.classid = :high and l.objid = :low
""")


@contextmanager
def importer_lock(engine: Engine, *, wait: float = 0) -> Iterator[Connection]:
    """Hold the importer's lock for the block, waiting up to `wait` seconds; raises ImporterBusy with who holds it.

    It is a transaction lock, which a pooler in transaction mode keeps too; the open transaction holds no snapshot. It
    outlives neither the command's deadline nor a client whose host is gone.
    """
    deadline = time.monotonic() + wait
    with engine.begin() as connection:
        connection.exec_driver_sql(f"set local idle_in_transaction_session_timeout = {_idle(connection)}")
        while not connection.execute(text("select pg_try_advisory_xact_lock(:key)"), {"key": LOCK_KEY}).scalar_one():
            if time.monotonic() >= deadline:
                raise ImporterBusy(f"another import is running: {_holder(connection)}; wait for it, or use --wait")
            time.sleep(POLL_SECONDS)
        yield connection


Looked = TypeVar("Looked")


@contextmanager
def _importing(engine: Engine, look: Callable[[Connection], Looked], *, wait: float) -> Iterator[Looked]:
    """The importer's lock for the block, and what was looked at under it before: again where the connection is lost.

    Nothing is written on its connection, so it may be lost at the end.
    """

    def locked() -> tuple[ExitStack, Looked]:
        with ExitStack() as stack:
            looked = look(stack.enter_context(importer_lock(engine, wait=wait)))
            return stack.pop_all(), looked

    lock, looked = retried(locked)
    try:
        yield looked
    finally:
        with suppress(*DATABASE_ERRORS):
            lock.close()


def _idle(connection: Connection) -> int:
    """Milliseconds for which the lock may lie on an idle connection; 0, for ever, without a deadline."""
    limits = getattr(connection.connection.driver_connection, "limits", TimeLimits())
    return int(max(1.0, limits.until - time.monotonic() + GRACE) * 1000) if isfinite(limits.until) else 0


def _holder(connection: Connection) -> str:
    row = connection.execute(HOLDER, {"high": LOCK_KEY >> 32, "low": LOCK_KEY & 0xFFFFFFFF}).first()
    if row is None:
        return "it has just ended"
    name = row.application_name or "a client"
    return f"{name} of {row.usename}, server process {row.pid}, since {row.xact_start:%H:%M:%S} UTC"


Importer = Callable[[Engine, Feed, int, Options], FeedResult]
Retrier = Callable[[Engine, Waiting, int, Options], FeedResult]


def import_paths(
    engine: Engine,
    paths: Sequence[Path],
    options: Options,
    *,
    wait: float = 0,
    importer: Importer = import_feed,
    retry: Retrier = import_held,
) -> ImportReport:
    """Import the feeds below `paths` in publishing order, under the importer's lock.

    Then held parts are tried again of which something has changed. `importer` imports one feed, `retry` one held part;
    a caller with retries of its own hands in these. Raises FeedError when there is nothing to import, ImportsStopped
    while imports are stopped, ImporterBusy after `wait` seconds, and DatabaseUnavailable when the database stays away.
    """
    feeds, ignored = _feeds_of(paths, options)
    with _importing(engine, partial(_require_running, options), wait=wait):
        if options.dry_run:
            return _rehearsed(engine, paths, feeds, options, ignored)
        run = _open_run(engine, [str(path) for path in paths])
        results = _import_each(engine, run, (partial(importer, engine, feed, run, options) for feed in feeds))
        tries = (partial(retry, engine, waiting, run, options) for waiting in _waiting(engine, options))
        freed = tuple(again for again in _import_each(engine, run, tries) if not again.counts.held)
        report = ImportReport(run, (*results, *freed), ignored=ignored)
        _close_run(engine, report)
    return report


def _require_running(options: Options, connection: Connection) -> None:
    """Raise ImportsStopped while imports are stopped; a dry run and what a person lets pass are excused."""
    if not options.dry_run:
        require_running(connection, excused=bool(options.allow.rules))


def _feeds_of(paths: Sequence[Path], options: Options) -> tuple[list[Feed], tuple[str, ...]]:
    found, unknown = discover(paths)
    feeds = [feed for feed in found if feed.kind in options.kinds]
    ignored = tuple(f"{one.path}: {one.reason}" for one in unknown)
    if not feeds:
        raise FeedError(f"no feed in {', '.join(map(str, paths))}" + (f": {'; '.join(ignored)}" if ignored else ""))
    return feeds, ignored


def _import_each(engine: Engine, run: int, works: Iterable[Callable[[], FeedResult]]) -> tuple[FeedResult, ...]:
    results: list[FeedResult] = []
    try:
        results.extend(work() for work in works)
    except BaseException as error:  # noqa: BLE001 - raised again; an interrupt closes the run, too
        with suppress(*DATABASE_ERRORS):  # the database may be what is away; then the next run closes this one
            ledger.close_run(engine, run, Outcome.FAILED)
        raise _told(error, run, results) from None
    return tuple(results)


def _told(error: BaseException, run: int, results: Sequence[FeedResult]) -> BaseException:
    """The same error, with what was published before it where it is the database's trouble."""
    published = sum(one.outcome is Outcome.PUBLISHED for one in results)
    if not isinstance(error, EtlError) or not published:
        return error
    what = number_of(published, "feeds")
    return type(error)(f"{error}. Published before that: {what}, by import run {run}: rally-health imports")


def _close_run(engine: Engine, report: ImportReport) -> None:
    """End a run; what it published counts, whatever becomes of this last line, which the next run writes as well."""
    try:
        retried(lambda: ledger.close_run(engine, report.run, Outcome.TRIED if report.dry_run else report.outcome))
    except DATABASE_ERRORS as error:
        log.warning("import run %d is done, but could not be closed: %s", report.run, describe_error(error))


def _rehearsed(
    engine: Engine, paths: Sequence[Path], feeds: Sequence[Feed], options: Options, ignored: Sequence[str]
) -> ImportReport:
    """A dry run: what would become of the feeds; that there was one is all that is recorded."""
    run = _open_run(engine, [str(path) for path in paths])
    tried: list[FeedResult] = []

    def rehearse() -> FeedResult:
        tried.extend(try_feeds(engine, feeds, options))
        return tried[-1]

    _import_each(engine, run, [rehearse])
    report = ImportReport(run, tuple(tried), True, tuple(ignored))
    _close_run(engine, report)
    return report


def _open_run(engine: Engine, paths: Sequence[str]) -> int:
    def opened() -> int:
        with engine.begin() as connection:
            return ledger.open_run(connection, paths)

    return retried(opened)


def _waiting(engine: Engine, options: Options) -> tuple[Waiting, ...]:
    def waiting() -> tuple[Waiting, ...]:
        with engine.begin() as connection:
            return worth_another_try(connection, options.corrections)

    return retried(waiting)


def replay(
    engine: Engine, options: Options, *, feed: int | None = None, wait: float = 0, importer: Importer = import_feed
) -> ImportReport:
    """Import the waiting rejects, of one feed or of all, as partial feeds; what passes now is marked as resolved.

    A reject whose raw text was cut can't be tried again and stays. An empty report means that nothing was waiting.
    Raises ImportsStopped while imports are stopped.
    """
    waiting = retried(partial(_rejects, engine, feed))
    if not waiting:
        return ImportReport(0, ())
    groups = groupby(sorted(waiting, key=_home), key=_home)
    running = partial(_require_running, options)
    with _importing(engine, running, wait=wait), tempfile.TemporaryDirectory() as folder:
        run = _open_run(engine, [f"replay of {number_of(len(waiting), 'rejects')}"])
        again_only = replace(options, partial=True, force=True)
        results: list[FeedResult] = []
        for (kind, league), rows in groups:
            again = Feed(Path(folder) / f"{kind}.json", kind_named(kind), league)
            ids = _write(again, list(rows))
            if options.dry_run:
                results.extend(try_feeds(engine, [again], again_only))
                continue
            results.append(importer(engine, again, run, again_only))
            if results[-1].outcome in {Outcome.PUBLISHED, Outcome.UNCHANGED}:
                retried(partial(_resolve, engine, again, run, ids))
        report = ImportReport(run, tuple(results), options.dry_run)
        _close_run(engine, report)
    return report


def _rejects(engine: Engine, feed: int | None) -> list[dict[str, Any]]:
    with engine.begin() as connection:
        return [row for row in list_rejects(connection, feed=feed, limit=None) if _whole(row["raw"])]


def retry_part(engine: Engine, number: int, options: Options, *, wait: float = 0) -> ImportReport:
    """Try a held part again from the rows that were kept of it, whatever became of its file.

    Raises FeedError where none of this number waits, and ImportsStopped and ImporterBusy as `import_paths` does.
    """

    def part(connection: Connection) -> Waiting:
        _require_running(options, connection)
        return waiting_part(connection, number)

    with _importing(engine, part, wait=wait) as waiting:
        run = _open_run(engine, [f"held part {number}"])
        report = ImportReport(run, _import_each(engine, run, [partial(import_held, engine, waiting, run, options)]))
        _close_run(engine, report)
    return report


def _write(feed: Feed, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Write refused rows as a feed, and return their ids by their places in it."""
    feed.path.write_text("[" + ",\n".join(row["raw"] for row in rows) + "]", encoding="utf-8")
    return [row["id"] for row in rows]


def _resolve(engine: Engine, feed: Feed, run: int, ids: Sequence[int]) -> None:
    """Mark what was not refused again; what was keeps its place in its own feed, with the reason of today."""
    mine = (import_feeds.c.run_id == run, import_feeds.c.kind == feed.kind.name, import_feeds.c.league == feed.league)
    statement = select(rejects.c.id, rejects.c.index.label("place"), rejects.c.reason).join(import_feeds).where(*mine)
    with engine.begin() as connection:
        again = connection.execute(statement).all()
        if len(again) != connection.scalar(select(func.sum(import_feeds.c.rejects)).where(*mine)):
            return  # done by a try whose commit was cut off
        for row in again:
            connection.execute(update(rejects).where(rejects.c.id == ids[row.place]).values(reason=row.reason))
        connection.execute(delete(rejects).where(rejects.c.id.in_([row.id for row in again])))
        passed = set(ids) - {ids[row.place] for row in again}
        connection.execute(update(rejects).where(rejects.c.id.in_(passed)).values(resolved_at=func.now()))


def _home(row: dict[str, Any]) -> tuple[str, str]:
    return row["kind"], row["league"]


def _whole(raw: str) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except (ValueError, RecursionError):
        return False
