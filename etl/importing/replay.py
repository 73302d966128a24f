"""Tries refused rows again, after a fix: of an alias, of the standings, of the rows themselves in an exported file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, select, update

from etl.feeds import Feed, Kind
from etl.importing import ledger
from etl.importing.batch import Importer
from etl.importing.lock import importer_lock
from etl.importing.looking import refused
from etl.importing.options import Options
from etl.importing.results import ImportReport, Outcome
from etl.importing.run import import_feed
from etl.tables import import_feeds, rejects


def replay(
    engine: Engine, options: Options, *, feed: int | None = None, wait: float = 0, importer: Importer = import_feed
) -> ImportReport:
    """Import the waiting rejects, of one feed or of all, as partial feeds; what passes now is marked as resolved.

    A reject whose raw text was cut can't be tried again and stays. An empty report means that nothing was waiting.
    """
    with engine.begin() as connection:
        waiting = [row for row in refused(connection, feed=feed, limit=None) if _whole(row["raw"])]
    if not waiting:
        return ImportReport(0, ())
    groups = groupby(sorted(waiting, key=_home), key=_home)
    with importer_lock(engine, wait=wait), tempfile.TemporaryDirectory() as folder:
        run = ledger.open_run(engine, [f"replay of {len(waiting)} rejects"])
        partial = replace(options, partial=True, force=True)
        results = []
        for (kind, league), rows in groups:
            again = Feed(Path(folder) / f"{kind}.json", Kind(kind), league)
            ids = _write(again, list(rows))
            results.append(importer(engine, again, run, partial))
            if results[-1].outcome is Outcome.PUBLISHED and not options.dry_run:
                _resolve(engine, again, run, ids)
        report = ImportReport(run, tuple(results), options.dry_run)
        ledger.close_run(engine, run, Outcome.TRIED if options.dry_run else report.outcome)
    return report


def _write(feed: Feed, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Write refused rows as a feed, and return their ids by their places in it."""
    feed.path.write_text("[" + ",\n".join(row["raw"] for row in rows) + "]", encoding="utf-8")
    return [row["id"] for row in rows]


def _resolve(engine: Engine, feed: Feed, run: int, ids: Sequence[int]) -> None:
    """Mark what was not refused again; what was keeps its place in its own feed, with the reason of today."""
    mine = (import_feeds.c.run_id == run, import_feeds.c.kind == feed.kind.value, import_feeds.c.league == feed.league)
    statement = select(rejects.c.id, rejects.c.index.label("place"), rejects.c.reason).join(import_feeds).where(*mine)
    with engine.begin() as connection:
        again = connection.execute(statement).all()
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
    except ValueError:
        return False
