"""What a run may know of earlier ones. It is handed in, so a run is a function of the database and of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from checks.engine.findings import Findings
from checks.engine.levels import Status

if TYPE_CHECKING:
    from checks.engine.report import Report

Id: TypeAlias = tuple[str, str]
"""Rule and parameter."""


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier readings of metrics (newest last, waived ones left out), and each rule's last status and bad rows."""

    readings: Mapping[Id, tuple[float, ...]] = field(default_factory=dict)
    statuses: Mapping[Id, Status] = field(default_factory=dict)
    findings: Mapping[Id, Findings] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report) -> Past:
        """The past that a report is for a later run, such as before and after a change in one transaction."""
        measured = [result for result in report.results if result.status.measured]
        return cls(
            statuses={result.id: result.status for result in measured},
            findings={result.id: result.findings for result in measured if result.findings is not None},
        )
