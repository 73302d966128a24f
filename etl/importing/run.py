"""Imports one feed: read, stage, publish, ask the gate, commit; or roll back and say why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from etl.database import describe, retryable
from etl.errors import FeedError
from etl.extract import extract
from etl.feeds import Feed, Kind, fingerprint
from etl.importing import fixtures, ledger, matches, players, stage, standings
from etl.importing.catalog import ensure_leagues
from etl.importing.intake import Intake
from etl.importing.results import Counts, FeedResult, Outcome
from etl.records import Drift, validate

Gate = Callable[[Connection, Feed, Counts], tuple[str, ...]]
"""Asked before the commit, inside the transaction; the reasons that it returns block the feed."""

PUBLISHERS: Mapping[Kind, Callable[..., Counts]] = {
    Kind.SERIES_STATS: standings.publish,
    Kind.PLAYERS: players.publish,
    Kind.SCHEDULES: fixtures.publish,
    Kind.MATCH_HISTORY: matches.publish,
}


def open_gate(connection: Connection, feed: Feed, counts: Counts) -> tuple[str, ...]:
    """The gate that lets everything pass."""
    return ()


@dataclass(frozen=True, slots=True)
class Options:
    """How to import.

    `force` imports what was published before, `dry_run` does everything but the commit, `prune` deletes the rows that
    a feed has withdrawn, `progress` is told of each feed and its bytes as they are read.
    """

    force: bool = False
    dry_run: bool = False
    prune: bool = False
    gate: Gate = open_gate
    progress: Callable[[Feed, int], None] = lambda feed, count: None


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


class _Stopped(Exception):
    """Leaves the publishing transaction by its rollback, with the result to record."""

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
        feed_id = ledger.open_feed(engine, run, feed, mark)
        if known is not None:
            return _close(engine, feed_id, _unchanged(feed, known))
        return _attempt(engine, feed, feed_id, options)
    except DBAPIError as error:
        raise retryable(error) or error from None


def _attempt(engine: Engine, feed: Feed, feed_id: int, options: Options) -> FeedResult:
    try:
        return _publish(engine, feed, feed_id, options)
    except _Stopped as stopped:
        stored = Outcome.TRIED if stopped.result.outcome is Outcome.PUBLISHED else stopped.result.outcome
        _close(engine, feed_id, replace(stopped.result, outcome=stored))
        return stopped.result
    except FeedError as error:
        return _close(engine, feed_id, _failed(feed, str(error)))
    except DBAPIError as error:
        again = retryable(error)
        # A connection cut at COMMIT tells nothing: the ledger was written in the same transaction, and knows.
        known = ledger.read_feed(engine, feed_id) if again else None
        if known is not None and known.outcome is Outcome.PUBLISHED:
            return known
        failed = _close(engine, feed_id, _failed(feed, describe(error)))
        if again:
            raise again from None
        return failed


def _publish(engine: Engine, feed: Feed, feed_id: int, options: Options) -> FeedResult:
    watch, intake = Stopwatch(), Intake(engine, feed_id)
    with engine.begin() as connection:
        with watch.step("stage"):
            rows = _stage(connection, feed, intake, options)
        with watch.step("publish"):
            counts = PUBLISHERS[feed.kind](connection, intake, prune=options.prune)
        counts = _complete(counts, rows, intake.rejects)
        with watch.step("gate"):
            reasons = options.gate(connection, feed, counts)
        outcome = Outcome.BLOCKED if reasons else Outcome.PUBLISHED
        result = FeedResult(
            str(feed.path), feed.kind, feed.league, outcome, counts, reasons, _drift(intake.drift), watch.seconds
        )
        if reasons or options.dry_run:
            raise _Stopped(result)
        ledger.close_feed(connection, feed_id, result)
    return result


def _stage(connection: Connection, feed: Feed, intake: Intake, options: Options) -> int:
    table = stage.STAGES[feed.kind]
    stage.create(connection, table)
    rows = extract(feed.path, on_bytes=lambda count: options.progress(feed, count))
    records = intake.records(validate(feed.kind, rows, feed.league, drift=intake.drift))
    count = stage.load(connection, table, records) + intake.rejects
    named = select(table.c.league).where(table.c.league.is_not(None)).distinct()
    ensure_leagues(connection, connection.scalars(named))
    return count


def _complete(counts: Counts, rows: int, rejects: int) -> Counts:
    """Figures with the rows that were read; whatever was neither written nor refused was there already."""
    records = rows - rejects
    unchanged = records - counts.duplicates - counts.inserted - counts.updated
    return replace(counts, rows=rows, records=records, rejects=rejects, unchanged=unchanged)


def _drift(drift: Drift) -> dict[str, dict[str, int]]:
    """How often keys were unknown or missing, empty where the feed has the expected ones."""
    return {"unknown": dict(drift.unknown), "missing": dict(drift.missing)} if drift else {}


def _unchanged(feed: Feed, known: FeedResult) -> FeedResult:
    """The result for bytes that were published before: the figures of then, with nothing written."""
    counts = replace(known.counts, inserted=0, updated=0, withdrawn=0, unchanged=known.counts.records)
    return FeedResult(
        str(feed.path), feed.kind, feed.league, Outcome.UNCHANGED, counts, ("published before, unchanged",)
    )


def _failed(feed: Feed, reason: str) -> FeedResult:
    return FeedResult(str(feed.path), feed.kind, feed.league, Outcome.FAILED, reasons=(reason,))


def _close(engine: Engine, feed_id: int, result: FeedResult) -> FeedResult:
    with engine.begin() as connection:
        ledger.close_feed(connection, feed_id, result)
    return result
