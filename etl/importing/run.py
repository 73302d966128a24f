"""Imports one feed: in one transaction, tried as a whole, with its end in the ledger whatever happens."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from etl.database import describe, retryable
from etl.errors import FeedError, RowsUnaccounted
from etl.feeds import Feed, fingerprint
from etl.importing import ledger
from etl.importing.intake import Intake
from etl.importing.options import Options
from etl.importing.publication import publish
from etl.importing.results import FeedResult, Outcome


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
    except DBAPIError as error:
        raise retryable(error) or error from None


def _attempt(engine: Engine, feed: Feed, feed_id: int, options: Options) -> FeedResult:
    try:
        return _publish(engine, feed, feed_id, options)
    except _NotCommitted as stopped:
        stored = Outcome.TRIED if stopped.result.outcome is Outcome.PUBLISHED else stopped.result.outcome
        _close(engine, feed_id, replace(stopped.result, outcome=stored))
        return stopped.result
    except (FeedError, RowsUnaccounted) as error:
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
    with engine.begin() as connection:
        result = publish(connection, feed, Intake(engine, feed_id, options.partial), options)
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
    return FeedResult(str(feed.path), feed.kind, feed.league, Outcome.FAILED, reasons=(reason,))


def _close(engine: Engine, feed_id: int, result: FeedResult) -> FeedResult:
    with engine.begin() as connection:
        ledger.close_feed(connection, feed_id, result)
    return result
