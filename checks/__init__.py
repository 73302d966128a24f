"""What a rule author needs: marks, thresholds, units, and the words for bad rows."""

from __future__ import annotations

from checks.engine.authoring import (
    CheckDefinitionError,
    CheckError,
    CollectError,
    DeadlineError,
    DuplicateCheckError,
    MeasureError,
    SelectionError,
    WaiverError,
)
from checks.engine.authoring.decorators import Bad, Row, check, fix, fixture, frame_check, metric_check, row_check
from checks.engine.authoring.thresholds import Above, Below, Drop, Outlier, Threshold, above, below, drop, outlier
from checks.engine.authoring.units import Limit, Measure, Severity, Status, hours, percent, rows

__all__ = [
    "Above",
    "Bad",
    "Below",
    "CheckDefinitionError",
    "CheckError",
    "CollectError",
    "DeadlineError",
    "Drop",
    "DuplicateCheckError",
    "Limit",
    "Measure",
    "MeasureError",
    "Outlier",
    "Row",
    "SelectionError",
    "Severity",
    "Status",
    "Threshold",
    "WaiverError",
    "above",
    "below",
    "check",
    "drop",
    "fix",
    "fixture",
    "frame_check",
    "hours",
    "metric_check",
    "outlier",
    "percent",
    "row_check",
    "rows",
]  # fmt: skip
