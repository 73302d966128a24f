"""Imports one feed: in one transaction, tried as a whole, with its end in the ledger whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Engine

from etl import FeedError, RowsUnaccounted, UnreadableValue
from etl.database import DATABASE_ERRORS, describe_error, own_error, retried
from etl.feeds import Feed, fingerprint
from etl.importing import FeedResult, Outcome, ledger
from etl.importing.declared import digest_of, of_part
from etl.importing.feed_rows import Intake
from etl.importing.held import Waiting
from etl.importing.options import Options
from etl.importing.publish_parts import publish_feed, publish_held
from etl.importing.staging import drop_staging
from etl.kinds import kind_named
from etl.leagues import ALL

Publish = Callable[[Connection, Intake], FeedResult]


def import_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    """Import one feed, each of its parts whole or not at all, and record how it ended.

    Raises a transient EtlError when the database is away or another transaction was in the way: nothing was published
    then, and the feed can be tried again. Every other trouble ends in a result.
    """
    try:
        mark = _mark(feed, options)
        with engine.begin() as connection:
            earlier = None if options.force else ledger.published_before(connection, feed, mark)
            feed_id = ledger.open_feed(connection, run, feed, mark, partial=options.partial)
        if earlier is not None:
            return _close(engine, feed_id, _unchanged(feed, earlier))
        intake = Intake(engine, feed_id, options.partial, mark)
        return _attempt(engine, feed, intake, lambda connection, own: publish_feed(connection, feed, own, options))
    except DATABASE_ERRORS as error:
        raise own_error(error) or error from None


def _mark(feed: Feed, options: Options) -> str:
    """What tells whether a feed was published before: its bytes, and the corrections that are made on them."""
    own = digest_of(of_part(options.corrections, feed.kind.name, feed.league))
    return sha256(f"{fingerprint(feed)} {own}".encode()).hexdigest() if own else fingerprint(feed)


def import_held(engine: Engine, waiting: Waiting, run: int, options: Options) -> FeedResult:
    """Try a held part again, as a feed of its own; raises as `import_feed` does."""
    feed = Feed(Path(waiting.path), kind_named(waiting.kind), waiting.league or ALL)
    try:
        with engine.begin() as connection:
            feed_id = ledger.open_feed(connection, run, feed, waiting.fingerprint)
        intake = Intake(engine, feed_id, fingerprint=waiting.fingerprint, held=waiting.id)
        return _attempt(
            engine, feed, intake, lambda connection, own: publish_held(connection, feed, own, options, waiting)
        )
    except DATABASE_ERRORS as error:
        raise own_error(error) or error from None


def try_feeds(engine: Engine, feeds: Sequence[Feed], options: Options) -> tuple[FeedResult, ...]:
    """What an import of these feeds would do: all in one transaction, in their order, rolled back at its end.

    So each feed sees what those before it would have published, and nothing is kept: no row, no reject, no figure.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        run = ledger.open_run(connection, [])
        results = tuple(_tried(connection, feed, run, options) for feed in feeds)
        transaction.rollback()
    return results


def _tried(connection: Connection, feed: Feed, run: int, options: Options) -> FeedResult:
    savepoint = connection.begin_nested()
    try:
        feed_id = ledger.open_feed(connection, run, feed, _mark(feed, options), partial=options.partial)
        result = publish_feed(connection, feed, Intake(None, feed_id, options.partial), options)
        drop_staging(connection)
        savepoint.commit()
    except (FeedError, RowsUnaccounted) as error:
        savepoint.rollback()
        return _failed(feed, str(error))
    except DATABASE_ERRORS as error:
        meant = own_error(error)
        if meant is not None and not isinstance(meant, UnreadableValue):
            raise meant from None
        savepoint.rollback()
        return _failed(feed, describe_error(error))
    return result


def _attempt(engine: Engine, feed: Feed, intake: Intake, publish: Publish) -> FeedResult:
    try:
        return _publish(engine, intake, publish)
    except (FeedError, RowsUnaccounted) as error:
        return _close(engine, intake.feed_id, _failed(feed, str(error)))
    except DATABASE_ERRORS as error:
        return _settle(engine, feed, intake.feed_id, error)


def _settle(engine: Engine, feed: Feed, feed_id: int, error: Exception) -> FeedResult:
    """How a feed ended whose transaction failed; raises where that is the database's trouble, not the feed's."""
    meant = own_error(error)
    # A connection cut at COMMIT tells nothing: the ledger was written in the same transaction, and knows.
    known = retried(lambda: ledger.read_feed(engine, feed_id)) if meant is not None and meant.transient else None
    if known is not None and known.outcome is not Outcome.RUNNING:
        return known
    failed = _close(engine, feed_id, _failed(feed, describe_error(error)))
    # what ails the database ails every feed; a value that it cannot hold is this feed's own
    if meant is not None and not isinstance(meant, UnreadableValue):
        raise meant from None
    return failed


def _publish(engine: Engine, intake: Intake, publish: Publish) -> FeedResult:
    with engine.begin() as connection:
        ledger.require_open(connection, intake.feed_id)
        result = publish(connection, intake)
        ledger.close_feed(connection, intake.feed_id, result)
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
