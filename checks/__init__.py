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
from checks.engine.authoring.spec import TableName
from checks.engine.authoring.thresholds import (
    Above,
    Below,
    Drop,
    Outlier,
    Threshold,
    above,
    below,
    change,
    drop,
    outlier,
)
from checks.engine.authoring.units import Limit, Measure, Severity, Status, days, hours, percent, rows

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
    "TableName",
    "Threshold",
    "WaiverError",
    "above",
    "below",
    "change",
    "check",
    "days",
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
