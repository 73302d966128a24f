"""What a run may know of earlier ones. It is handed in, so a run is a function of the database and of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from checks.engine.findings import Findings
from checks.engine.levels import Status

Id: TypeAlias = tuple[str, str]
"""Rule and parameter."""


@dataclass(frozen=True, slots=True)
class Past:
    """Earlier readings of metrics (newest last, waived ones left out), and each rule's last status and bad rows."""

    readings: Mapping[Id, tuple[float, ...]] = field(default_factory=dict)
    statuses: Mapping[Id, Status] = field(default_factory=dict)
    findings: Mapping[Id, Findings] = field(default_factory=dict)
