"""A report as annotations of GitHub Actions, each at the file and line of its rule."""

from __future__ import annotations

from checks.engine.document import relative
from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result
from checks.render.words import clean, verdict

LEVELS = {Status.CRITICAL: "error", Status.ERROR: "error", Status.WARN: "warning"}


def github_annotations(report: Report) -> str:
    """One workflow command on each line, worst first; empty when there is no trouble."""
    return "".join(f"{_annotation(result)}\n" for result in report.trouble)


def _annotation(result: Result) -> str:
    properties = {"title": f"{result.status} {result.title}"}
    if result.source is not None:
        properties = {"file": relative(result.source.file), "line": str(result.source.line), **properties}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    where = f" {result.clusters[0]}." if result.clusters else ""
    return f"::{LEVELS[result.status]} {said}::{_data(f'{result.summary} {verdict(result)}.{where}')}"


def _data(text: str) -> str:
    # an unescaped line feed would let data start a command of its own
    return clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
