"""A review as a JSON document. It only ever grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from checks.engine.reporting.report import figure_document
from checks.review.build import Review
from checks.review.difference import Difference
from checks.review.time_series import Course
from checks.review.values import Line

SECTIONS = ("domains", "leagues", "feeds", "anomalies", "recurring", "kept", "owners", "proposals", "risks", "remarks")

WRITTEN: Mapping[type, Callable[[Any], Any]] = {
    Enum: lambda value: value.value,
    Decimal: float,
    date: lambda value: value.isoformat(),
}


def review_document(review: Review) -> dict[str, Any]:
    """The document that `report --json` writes. Sections that a kind of report does not have are empty."""
    period = review.period
    return {
        "kind": period.kind.value,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "headline": review.headline,
        "run": None if review.run is None else _plain(review.run),
        "difference": _difference(review.step),
        "change": _difference(review.change),
        "score": _course(review.score),
        "daily": [figure_document(one.figure) | {"trend": _course(one.course)} for one in review.measures],
        "process": [figure_document(figure) for figure in review.process],
        "rules": [_line(line) for line in review.rules],
        "incidents": [_plain(episode) for episode in review.episodes or review.open],
        "trends": [_course(course) for course in review.courses],
        "domain_trends": [_course(course) for course in review.domain_courses],
        **{name: _plain(getattr(review, name)) for name in SECTIONS},
    }


def _course(course: Course) -> dict[str, Any]:
    found = course.trend
    return {
        "key": course.key,
        "title": course.title,
        "unit": None if course.unit is None else course.unit.value,
        "direction": None if course.direction is None else course.direction.value,
        "per_day": None if found is None else found.per_day,
        "between": None if found is None else [found.low, found.high],
        "said": course.said,
        "forecast": course.forecast or None,
        "crossings": [_plain(one) for one in course.crossings],
        "points": [[at.isoformat(), value] for at, value in course.points],
    }


def _line(line: Line) -> dict[str, Any]:
    own = line.reading
    named = {"rule": own.rule, "parameter": own.parameter or None, "title": own.title}
    same = ("at", "domain", "severity", "status", "count", "total", "rate", "value", "points", "accepted")
    return {
        **named,
        **{name: _plain(getattr(own, name)) for name in same},
        **{field.name: _plain(getattr(line, field.name)) for field in fields(line) if field.name != "reading"},
        "measurement": line.measurement,
    }


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    return None if difference is None else _plain(difference) | {"said": str(difference)}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    for kind, written in WRITTEN.items():
        if isinstance(value, kind):
            return written(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(own) for name, own in value.items()}
    return [_plain(own) for own in value] if isinstance(value, (list, tuple, frozenset, set)) else value
