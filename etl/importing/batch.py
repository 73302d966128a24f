"""Imports all feeds of some paths, one after another; a feed that does not go through holds back no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from etl.breaker import require_running
from etl.errors import EtlError, FeedError
from etl.feeds import Feed, discover
from etl.importing import ledger
from etl.importing.lock import importer_lock
from etl.importing.options import Options
from etl.importing.results import FeedResult, ImportReport, Outcome
from etl.importing.run import import_feed

Importer = Callable[[Engine, Feed, int, Options], FeedResult]


def import_paths(
    engine: Engine, paths: Sequence[Path], options: Options, *, wait: float = 0, importer: Importer = import_feed
) -> ImportReport:
    """Import the feeds below `paths` in publishing order, under the importer's lock.

    `importer` imports one feed; a caller with retries of its own hands in that. Raises FeedError when there is nothing
    to import, ImportsStopped while imports are stopped, ImporterBusy after `wait` seconds, and DatabaseUnavailable when
    the database stays away.
    """
    found, unknown = discover(paths)
    feeds = [feed for feed in found if feed.kind in options.kinds]
    ignored = tuple(f"{one.path}: {one.reason}" for one in unknown)
    if not feeds:
        raise FeedError(f"no feed in {', '.join(map(str, paths))}" + (f": {'; '.join(ignored)}" if ignored else ""))
    with importer_lock(engine, wait=wait) as connection:
        if not options.dry_run:
            require_running(connection, excused=bool(options.allow.rules))
        run = ledger.open_run(engine, [str(path) for path in paths])
        try:
            results = tuple(importer(engine, feed, run, options) for feed in feeds)
        except EtlError:
            with suppress(DBAPIError):  # the database may be what is away; then the next run closes this one
                ledger.close_run(engine, run, Outcome.FAILED)
            raise
        report = ImportReport(run, results, options.dry_run, ignored)
        ledger.close_run(engine, run, Outcome.TRIED if options.dry_run else report.outcome)
    return report
