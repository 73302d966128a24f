"""How much a rule matters (severity, declared) and how it stands (status, found)."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much a rule matters; declared by its author."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"

    @property
    def rank(self) -> int:
        """0 for LOW to 2 for HIGH."""
        return list(Severity).index(self)


class Status(StrEnum):
    """How a rule stands; found by a run. "Not measured" is never "passed"."""

    OK = "OK"
    SKIPPED = "SKIPPED"
    WARN = "WARN"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"

    @property
    def failing(self) -> bool:
        """Whether points are lost: WARN, CRITICAL and ERROR, but not SKIPPED."""
        return self in {Status.WARN, Status.CRITICAL, Status.ERROR}

    @property
    def measured(self) -> bool:
        """Whether the question was answered."""
        return self not in {Status.SKIPPED, Status.ERROR}

    @property
    def rank(self) -> int:
        """0 for OK to 4 for CRITICAL: what to look at first has the highest."""
        return list(Status).index(self)
