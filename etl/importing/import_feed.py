"""Imports one feed: staged, published, asked of guards and gate, in one transaction that is tried again as a whole.

How it ended stands in the ledger whatever happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine

from etl import FeedError, RowsUnaccounted, UnreadableValue
from etl.database import DATABASE_ERRORS, describe_error, own_error, retried
from etl.feeds import Feed, fingerprint
from etl.importing import Counts, FeedResult, Objection, Outcome, ledger, staging
from etl.importing.copy_writer import Keys
from etl.importing.ensure_dimensions import ensure_leagues
from etl.importing.feed_rows import Intake
from etl.importing.guards import Gate, Limits, objections, open_gate
from etl.kinds import KINDS
from etl.kinds.kind import FeedKind
from etl.reading import extract
from etl.records.feed_schema import Drift
from etl.records.validate import validate_together


@dataclass(frozen=True, slots=True)
class Allowance:
    """Guards and rules that may be failed this once, with who lets them and why."""

    rules: frozenset[str] = frozenset()
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to import.

    `force` imports what was published before, `dry_run` does everything but the commit, `prune` deletes the rows that
    a feed has withdrawn. A `partial` feed holds some rows of a whole: nothing is withdrawn because it is not in there,
    and its size says nothing. Feeds of other `kinds` are passed over. `progress` is told of each feed and its bytes as
    they are read.
    """

    force: bool = False
    dry_run: bool = False
    prune: bool = False
    partial: bool = False
    kinds: frozenset[FeedKind] = frozenset(KINDS)
    allow: Allowance = field(default_factory=Allowance)
    limits: Limits = field(default_factory=Limits)
    gate: Gate = open_gate
    progress: Callable[[Feed, int], None] = lambda feed, count: None


class _NotCommitted(Exception):
    """Leaves the transaction by its rollback, with the result to record."""

    def __init__(self, result: FeedResult) -> None:
        self.result = result


def import_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    """Import one feed whole or not at all, and record how it ended.

    Raises a transient EtlError when the database is away or another transaction was in the way: nothing was published
    then, and the feed can be tried again. Every other trouble ends in a result.
    """
    try:
        mark = fingerprint(feed)
        with engine.begin() as connection:
            known = None if options.force else ledger.published_before(connection, feed, mark)
        feed_id = ledger.open_feed(engine, run, feed, mark, partial=options.partial)
        if known is not None:
            return _close(engine, feed_id, _unchanged(feed, known))
        return _attempt(engine, feed, feed_id, options)
    except DATABASE_ERRORS as error:
        raise own_error(error) or error from None


def _attempt(engine: Engine, feed: Feed, feed_id: int, options: Options) -> FeedResult:
    try:
        return _publish(engine, feed, feed_id, options)
    except _NotCommitted as stopped:
        stored = Outcome.TRIED if stopped.result.outcome is Outcome.PUBLISHED else stopped.result.outcome
        _close(engine, feed_id, replace(stopped.result, outcome=stored))
        return stopped.result
    except (FeedError, RowsUnaccounted) as error:
        return _close(engine, feed_id, _failed(feed, str(error)))
    except DATABASE_ERRORS as error:
        return _settle(engine, feed, feed_id, error)


def _settle(engine: Engine, feed: Feed, feed_id: int, error: Exception) -> FeedResult:
    """How a feed ended whose transaction failed; raises where that is the database's trouble, not the feed's."""
    meant = own_error(error)
    # A connection cut at COMMIT tells nothing: the ledger was written in the same transaction, and knows.
    known = retried(lambda: ledger.read_feed(engine, feed_id)) if meant is not None and meant.transient else None
    if known is not None and known.outcome is Outcome.PUBLISHED:
        return known
    failed = _close(engine, feed_id, _failed(feed, describe_error(error)))
    # what ails the database ails every feed; a value that it cannot hold is this feed's own
    if meant is not None and not isinstance(meant, UnreadableValue):
        raise meant from None
    return failed


def _publish(engine: Engine, feed: Feed, feed_id: int, options: Options) -> FeedResult:
    with engine.begin() as connection:
        ledger.require_open(connection, feed_id)
        result = publish_feed(connection, feed, Intake(engine, feed_id, options.partial), options)
        if result.outcome is Outcome.BLOCKED or options.dry_run:
            raise _NotCommitted(result)
        ledger.close_feed(connection, feed_id, result)
    return result


def _unchanged(feed: Feed, known: FeedResult) -> FeedResult:
    """The result for bytes that were published before: the figures of then, with nothing written."""
    counts = replace(known.counts, inserted=0, updated=0, withdrawn=0, newly_unlinked=0, unchanged=known.counts.records)
    reasons = ("published before, unchanged; --force imports it again",)
    return replace(known, path=str(feed.path), outcome=Outcome.UNCHANGED, counts=counts, reasons=reasons, seconds={})


def _failed(feed: Feed, reason: str) -> FeedResult:
    return FeedResult(str(feed.path), feed.kind.name, feed.league, Outcome.FAILED, reasons=(reason,))


def _close(engine: Engine, feed_id: int, result: FeedResult) -> FeedResult:
    def close() -> None:
        with engine.begin() as connection:
            ledger.close_feed(connection, feed_id, result)

    retried(close)
    return result


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent per step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - begun


def publish_feed(connection: Connection, feed: Feed, intake: Intake, options: Options) -> FeedResult:
    """Write the feed's rows and judge them; the caller commits a published result, and rolls back a blocked one."""
    watch = Stopwatch()
    with watch.step("stage"):
        rows = _stage(connection, feed, intake, options)
    leagues = dict(sorted(intake.leagues.items()))
    with watch.step("gate"):
        verdict = options.gate(connection, feed)
    with watch.step("publish"):
        written = feed.kind.publish(connection, intake, prune=options.prune)
    counts = _complete(written, rows, intake)
    with watch.step("gate"):
        found = [*_guarded(connection, feed, counts, leagues, options), *(verdict(counts) if counts.records else ())]
    blocking = tuple(str(one) for one in found if one.rule not in options.allow.rules)
    return FeedResult(
        str(feed.path), feed.kind.name, feed.league, Outcome.BLOCKED if blocking else Outcome.PUBLISHED, counts,
        blocking, tuple(_let_pass(found, options.allow)), leagues, _drift(intake.drift), watch.seconds,
    )  # fmt: skip


def _guarded(
    connection: Connection, feed: Feed, counts: Counts, leagues: Mapping[str, int], options: Options
) -> Iterable[Objection]:
    if options.partial:
        return ()
    return objections(counts, leagues, ledger.last_publication(connection, feed), options.limits)


def _stage(connection: Connection, feed: Feed, intake: Intake, options: Options) -> int:
    """Stage the feed, and let its leagues be known; returns how many rows it has."""
    table = feed.kind.stage
    staging.create_staging(connection, table)
    rows = extract(feed.path, on_bytes=lambda count: options.progress(feed, count))
    records = intake.records(validate_together(feed.kind.schema, rows, feed.league, drift=intake.drift))
    keys = Keys(feed.kind.key) if feed.kind.key else None
    count = staging.load_columns(connection, table, records, keys=keys)
    intake.repeated = keys is None or keys.repeated()
    ensure_leagues(connection, intake.leagues)
    return count + intake.rejects


def _complete(written: Counts, rows: int, intake: Intake) -> Counts:
    """Figures with the rows that were read; each is refused, a duplicate or in the table, else RowsUnaccounted."""
    records = rows - intake.rejects
    found = written.duplicates + written.inserted + written.updated + written.unchanged
    if found != records:
        raise RowsUnaccounted(f"{records:,} records were staged, and {found:,} are accounted for; nothing is published")
    return replace(
        written, rows=rows, records=records, rejects=intake.rejects, newly_unlinked=intake.newly_unlinked
    )  # fmt: skip


def _let_pass(found: list[Objection], allow: Allowance) -> Iterator[dict[str, str]]:
    for one in found:
        if one.rule in allow.rules:
            yield {"rule": one.rule, "reason": one.reason, "who": allow.who, "why": allow.why}


def _drift(drift: Drift) -> dict[str, dict[str, int]]:
    """How often keys were unknown or missing, empty where the feed has the expected ones."""
    return {"unknown": dict(drift.unknown), "missing": dict(drift.missing)} if drift else {}
