"""The documents of a run below RALLY_REPORTS: a page for people, JSON for programs.

Log files: one JSON object on each line, one file for each day, compressed when the day is over, gone after 30.

Each process appends to the file of the day. Nothing is renamed that another process may be writing to: a file is
compressed when it has not been written to for a day.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.engine.reporting.report import Report


log = logging.getLogger("rally.check")

RUN_PAGES = "monitoring_report_*.html"
UNWRITTEN = "the report could not be written as"


def document_path(report: Report, folder: Path, kind: str) -> Path:
    """Where a report's document is written; `kind` is html or json."""
    return folder / f"monitoring_report_{report.started:%Y%m%d_%H%M%S_%f}.{kind}"


def write_documents(report: Report, folder: Path, serve_url: str = "") -> Report:
    """Write page and JSON below `folder`; what cannot be written becomes a complaint of the report that is returned.

    `serve_url` is where the operator's page is, which the page then leads to.
    """
    # the page first: the JSON tells what became of it
    path = document_path(report, folder, "html")
    previous = _page_before(path)
    report = _written(report, path, partial(run_page, serve_url=serve_url, previous=previous.name if previous else ""))
    if previous and path.exists():
        _lead_on(previous, path.name)
    return _written(report, document_path(report, folder, "json"), run_json)


def _page_before(path: Path) -> Path | None:
    """The newest page of an earlier run in the same folder; names of pages are in the order of their moments."""
    return max((page for page in path.parent.glob(RUN_PAGES) if page.name < path.name), default=None)


def _lead_on(previous: Path, name: str) -> None:
    """Give the page of an earlier run its link to this one, where it still has room for it; never fails."""
    from checks.render.formats import with_next_run  # noqa: PLC0415 - templates are not needed by most commands

    with suppress(OSError, UnicodeDecodeError):
        text, times = previous.read_text(encoding="utf-8"), previous.stat()
        if (led := with_next_run(text, name)) == text:
            return
        part = previous.with_name(f"{previous.name}.{os.getpid()}.part")
        part.write_text(led, encoding="utf-8")
        os.utime(part, (times.st_atime, times.st_mtime))  # it is no younger for that
        part.replace(previous)


def unwritten(report: Report) -> tuple[str, ...]:
    """What a report complains of that could not be written."""
    return tuple(complaint for complaint in report.complaints if complaint.startswith(UNWRITTEN))


def run_page(report: Report, serve_url: str = "", previous: str = "") -> str:
    """The report as one HTML file; `previous` is the name of the page of the run before."""
    from checks.render.formats import page, page_links  # noqa: PLC0415 - templates are not needed by most commands

    return page(report, page_links(serve_url), previous)


def run_json(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"


def _written(report: Report, path: Path, render: Callable[[Report], str]) -> Report:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(report), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - what was measured is not lost for its document, whatever ails that
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        complaint = f"{UNWRITTEN} {path.suffix.removeprefix('.').upper()}: {why}"
        log.info("%s", complaint)  # a command says it at its end, and on the screen once is enough
        return replace(report, complaints=(*report.complaints, complaint))
    return report


NAMES = ("rally", "flows", "alerts", "checks", "etl")
"""Loggers of ours. Others stay where they were: libraries log numbers and addresses."""
STEM = "rally-health-"
REPORTS = ("monitoring_report_*.json", "monitoring_report_*.html", "review_*.json", "review_*.html")
DAY = timedelta(days=1)


class DayFile(logging.Handler):
    """Appends each record to the file of its day. What cannot be written is said once, and then left alone."""

    def __init__(self, folder: Path, level: int) -> None:
        super().__init__(level)
        self.folder = folder
        self.broken = False
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        if self.broken:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # one write for each line: lines of several processes do not mix
            with self._file(record).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{self.format(record)}\n")
        except OSError as error:
            self.broken = True
            sys.stderr.write(f"note: there is no log file: {self.folder}: {error.strerror}\n")

    def _file(self, record: logging.LogRecord) -> Path:
        return self.folder / f"{STEM}{datetime.fromtimestamp(record.created, UTC):%Y%m%d}.log"


class Screen(logging.Handler):
    """Prints records on standard error. As text only where nobody else does: Prefect puts a handler on the root."""

    def __init__(self, level: int, *, as_json: bool) -> None:
        super().__init__(level)
        self.as_json = as_json
        self.setFormatter(JsonLines() if as_json else logging.Formatter("%(levelname)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if self.as_json or not logging.getLogger().handlers:
            sys.stderr.write(f"{self.format(record)}\n")


class JsonLines(logging.Formatter):
    """A record as a JSON object. Of an exception only the type and the places are written: its text may hold data."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname, "logger": record.name, "message": record.getMessage(),
            "process": record.process, **getattr(record, "told", {}),
        }  # fmt: skip
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            entry["error"] = record.exc_info[0].__name__
            entry["where"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(entry, ensure_ascii=False, default=str)


def start_logging(folder: Path, level: str, *, as_json: bool = False) -> None:
    """Log to the files of a folder from `level` on; to standard error warnings as text, or all of it as JSON."""
    # what the driver warns of is raised as well, and said in our words; its own may quote rows
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    number = logging.getLevelNamesMapping()[level]
    handlers = Screen(number if as_json else logging.WARNING, as_json=as_json), DayFile(folder.absolute(), number)
    for name in NAMES:
        logger = logging.getLogger(name)
        for known in [one for one in logger.handlers if isinstance(one, (Screen, DayFile))]:
            logger.removeHandler(known)
        for handler in handlers:
            logger.addHandler(handler)
        logger.setLevel(number)


def tidy(folder: Path, now: datetime, *, logs: timedelta, reports: timedelta) -> None:
    """Compress log files of days that are over, and delete logs and reports that are too old; never fails."""
    for path in sorted(folder.glob(f"{STEM}*.log")):
        if _age(path, now) > DAY and not path.name.endswith(f"{now:%Y%m%d}.log"):
            _compress(path)
    for pattern, age in ((f"{STEM}*.log*", logs), *((pattern, reports) for pattern in REPORTS)):
        for path in folder.glob(pattern):
            if _age(path, now) > age:
                path.unlink(missing_ok=True)


def _compress(path: Path) -> None:
    packed, part = path.with_name(f"{path.name}.gz"), path.with_name(f"{path.name}.{os.getpid()}.part")
    times = path.stat()
    with path.open("rb") as source, gzip.open(part, "wb") as target:
        shutil.copyfileobj(source, target)
    os.utime(part, (times.st_atime, times.st_mtime))
    part.replace(packed)
    path.unlink(missing_ok=True)


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:  # another process was faster
        return timedelta(0)
