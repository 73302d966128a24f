"""The documents of a run below RALLY_REPORTS: a page for people, JSON for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from checks.engine.report import Report

log = logging.getLogger("rally.check")

UNWRITTEN = "the report could not be written as"


def document_path(report: Report, folder: Path, kind: str) -> Path:
    """Where a report's document is written; `kind` is html or json."""
    return folder / f"monitoring_report_{report.started:%Y%m%d_%H%M%S_%f}.{kind}"


def write_documents(report: Report, folder: Path) -> Report:
    """Write page and JSON below `folder`; what cannot be written becomes a complaint of the report that is returned."""
    # the page first: the JSON tells what became of it
    for kind, render in (("html", page_of), ("json", json_of)):
        report = _written(report, document_path(report, folder, kind), render)
    return report


def unwritten(report: Report) -> tuple[str, ...]:
    """What a report complains of that could not be written."""
    return tuple(complaint for complaint in report.complaints if complaint.startswith(UNWRITTEN))


def page_of(report: Report) -> str:
    """The report as one HTML file."""
    from checks.render.page import page  # noqa: PLC0415 - templates are not needed by most commands

    return page(report)


def json_of(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n"


def _written(report: Report, path: Path, render: Callable[[Report], str]) -> Report:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(report), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - what was measured is not lost for its document, whatever ails that
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        complaint = f"{UNWRITTEN} {path.suffix.removeprefix('.').upper()}: {why}"
        log.warning("%s", complaint)
        return replace(report, complaints=(*report.complaints, complaint))
    return report
