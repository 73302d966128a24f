"""A report as the JSON document that `check --json` writes. It only ever grows; its schema is published."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.engine.figures import Figure
from checks.engine.results import Result
from checks.engine.waivers import Waiver

if TYPE_CHECKING:
    from checks.engine.report import Report


def document(report: Report) -> dict[str, Any]:
    """The document of a run."""
    return {
        "run": report.run,
        "score": _number(report.score),
        "gross": _number(report.gross.value),
        "band": report.band.value,
        "formula": report.formula,
        "coverage": round(report.coverage, 4),
        "domains": {name: _number(value) for name, value in sorted(report.net.domains.items())},
        "metrics": dict(sorted(report.metrics.items())),
        "results": [result_of(result) for result in report.results],
        "started": report.started.isoformat(),
        "finished": report.finished.isoformat(),
        "today": report.today.isoformat(),
        "selection": report.selection,
        "snapshots": report.snapshots,
        "waivers": {
            "expired": [_waiver(waiver) for waiver in report.expired],
            "unused": [_waiver(waiver) for waiver in report.unused],
        },
        "complaints": list(report.complaints),
        "parts": {
            dimension: {label: _number(value) for label, value in sorted(parts.items())}
            for dimension, parts in sorted(report.parts.items())
        },
        "daily": [figure_of(figure) for figure in report.figures],
        "difference": report.difference or None,
    }


def result_of(result: Result) -> dict[str, Any]:
    """One result of the document."""
    same = ("count", "total", "rate", "value", "threshold", "new", "known", "fixed", "sql", "seconds")
    more = ("summary", "owner", "runbook", "waived", "accepted", "exact", "on_target", "fixable")
    return {
        "rule": result.rule,
        "domain": result.domain,
        "parameter": result.parameter or None,
        "severity": result.severity.value,
        "status": result.status.value,
        "points": float(result.points),
        "examples": [dict(example) for example in result.examples],
        "clusters": clusters_of(result),
        "error": result.error or None,
        **{name: getattr(result, name) for name in same},
        "gross_status": result.gross_status.value,
        "note": result.note or None,
        "tags": sorted(result.tags),
        "source": None if result.source is None else f"{relative(result.source.file)}:{result.source.line}",
        **{name: getattr(result, name) for name in more},
    }


def figure_of(figure: Figure) -> dict[str, Any]:
    """A figure with its target."""
    same = ("key", "title", "value", "target", "at_least", "met", "said", "aim", "detail")
    return {**{name: getattr(figure, name) for name in same}, "unit": figure.unit.value}


def clusters_of(result: Result) -> list[dict[str, Any]]:
    """The clusters of a result."""
    return [
        {
            "where": dict(cluster.where),
            "count": cluster.count,
            "of": cluster.of,
            "rows": cluster.rows,
            "lift": cluster.lift,
            "text": str(cluster),
        }
        for cluster in result.clusters
    ]


def relative(file: str) -> str:
    """A file as seen from here, or only its name: a report does not tell where it was made."""
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.name


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _waiver(waiver: Waiver) -> dict[str, Any]:
    names = ("id", "rule", "key", "owner", "reason")
    return {**{name: getattr(waiver, name) for name in names}, "until": waiver.until.isoformat()}
