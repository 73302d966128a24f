"""What a rule author needs: marks, thresholds, units, and the words for bad rows."""

from __future__ import annotations

from checks.engine.decorators import check, fix, fixture, frame_check, metric_check, row_check
from checks.engine.errors import (
    CheckDefinitionError,
    CheckError,
    CollectError,
    DeadlineError,
    DuplicateCheckError,
    MeasureError,
    SelectionError,
    WaiverError,
)
from checks.engine.levels import Severity, Status
from checks.engine.rows import Bad, Row
from checks.engine.thresholds import Above, Below, Threshold, above, below
from checks.engine.trends import Drop, Outlier, drop, outlier
from checks.engine.units import Limit, Unit, hours, percent, rows

__all__ = [
    "Above", "Bad", "Below", "CheckDefinitionError", "CheckError", "CollectError", "DeadlineError", "Drop",
    "DuplicateCheckError", "Limit", "MeasureError", "Outlier", "Row", "SelectionError", "Severity", "Status",
    "Threshold", "Unit", "WaiverError", "above", "below", "check", "drop", "fix", "fixture", "frame_check", "hours",
    "metric_check", "outlier", "percent", "row_check", "rows",
]  # fmt: skip
