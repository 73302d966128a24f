"""Imports all feeds of some paths, one after another; a feed that does not go through holds back no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Engine

from etl.errors import FeedError
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
    to import, ImporterBusy after `wait` seconds, and DatabaseUnavailable when the database stays away.
    """
    feeds, unknown = discover(paths)
    if not feeds:
        raise FeedError(f"no feed in {', '.join(map(str, paths))}: {'; '.join(found.reason for found in unknown)}")
    with importer_lock(engine, wait=wait):
        run = ledger.open_run(engine, [str(path) for path in paths])
        outcome = Outcome.FAILED
        try:
            results = tuple(importer(engine, feed, run, options) for feed in feeds)
            ignored = tuple(f"{found.path}: {found.reason}" for found in unknown)
            report = ImportReport(run, results, options.dry_run, ignored)
            outcome = Outcome.TRIED if options.dry_run else report.outcome
        finally:
            ledger.close_run(engine, run, outcome)
    return report
