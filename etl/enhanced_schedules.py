"""The entry that the platform's master import script calls: one class, one `run()`.

It starts `rally-health import` as a process of its own. So this layer needs to know neither settings nor the gate, an
import that dies takes nobody with it, and the script gets what every other caller gets: DATABASE_URL and RALLY_FEEDS
from the environment, the gate asked, and a refusal where imports are stopped.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from etl.kinds.schedules import SCHEDULES
from etl.kinds.standings import SERIES_STATS

log = logging.getLogger("rally.import")

COMMAND = (sys.executable, "-c", "from flows.cli import main; main()", "import")


class EnhancedSchedulesETL:
    """Imports standings and schedules of a file or folder, of several, or without any of the folder of RALLY_FEEDS.

    `report` is what the last `run()` did, feed by feed, as `rally-health import --json` tells it; None where it did not
    come to that.
    """

    kinds = (SERIES_STATS, SCHEDULES)

    def __init__(self, *paths: Path | str, dry_run: bool = False) -> None:
        self.paths = [Path(path) for path in paths]
        self.dry_run = dry_run
        self.report: dict[str, Any] | None = None

    def run(self) -> bool:
        """Import, and return whether every feed is published as it stands; what went wrong is logged, never raised."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "report.json"
            done = subprocess.run(self._command(file), capture_output=True, text=True, check=False)  # noqa: S603
            self.report = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        if done.returncode:
            for line in (*_reasons(self.report), *_errors(done.stderr, known=self.report is not None)):
                log.error("%s", line)
        return done.returncode == 0

    def _command(self, report: Path) -> list[str]:
        kinds = [word for kind in self.kinds for word in ("--kind", kind.name)]
        dry = ["--dry-run"] if self.dry_run else []
        return [*COMMAND, *map(str, self.paths), *kinds, "--json", str(report), *dry]


def _reasons(report: dict[str, Any] | None) -> Iterator[str]:
    feeds = [feed for feed in (report["feeds"] if report else ()) if feed["outcome"] != "unchanged"]
    return (f"{feed['path']}: {reason}" for feed in feeds for reason in feed["reasons"])


def _errors(text: str, *, known: bool) -> Iterator[str]:
    """What the command complained of; without a report its last words, whatever they are."""
    found = [line.removeprefix("error: ") for line in text.splitlines() if line.startswith("error: ")]
    last = text.strip().splitlines()[-1:] if not found and not known else []
    return (f"schedules were not imported: {line}" for line in (*found, *last))
