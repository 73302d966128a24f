"""The entry that the platform's master import script calls: one class, one `run()`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from etl import EtlError
from etl.database import DATABASE_ERRORS, describe_error, open_engine
from etl.importing import ImportReport, Outcome
from etl.importing.import_feed import Options
from etl.importing.import_run import import_paths
from etl.kinds.schedules import SCHEDULES
from etl.kinds.standings import SERIES_STATS
from etl.migrate import require_newest

log = logging.getLogger("rally.import")


class EnhancedSchedulesETL:
    """Imports standings and schedules below some paths; `report` tells what the last `run()` did, feed by feed.

    `options` are those of any import: hand in a gate to have rules asked, `dry_run` to commit nothing.
    """

    kinds = frozenset({SERIES_STATS, SCHEDULES})

    def __init__(self, database_url: str, paths: Sequence[Path | str], *, options: Options | None = None) -> None:
        self.database_url = database_url
        self.paths = [Path(path) for path in paths]
        self.options = replace(options or Options(), kinds=self.kinds)
        self.report: ImportReport | None = None

    def run(self) -> bool:
        """Import, and return whether every feed is published as it stands; what went wrong is logged, never raised."""
        self.report = None
        try:
            self.report = self._import()
        except (EtlError, *DATABASE_ERRORS) as error:
            log.error("schedules were not imported: %s", describe_error(error))
            return False
        for feed in self.report.feeds:
            for reason in feed.reasons if feed.outcome is not Outcome.UNCHANGED else ():
                log.error("%s: %s", feed.path, reason)
        return self.report.outcome in {Outcome.PUBLISHED, Outcome.UNCHANGED}

    def _import(self) -> ImportReport:
        engine = open_engine(self.database_url)
        try:
            require_newest(engine)
            return import_paths(engine, self.paths, self.options)
        finally:
            engine.dispose()
