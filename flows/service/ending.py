"""How a run ended, as a name for the state of its flow run and as an exit code.

The name speaks of the data, the state's type of the work: data in bad shape, or a feed that the gate refused, is found
by a run that did what it should (COMPLETED). FAILED is what a technician has to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from checks.engine.reporting.report import Report
from etl import FeedError, ImporterBusy
from etl.circuit_breaker import ImportsStopped
from etl.importing import ImportReport, Outcome


class StateName(StrEnum):
    """Names of final states; those of a health check are its bands."""

    HEALTHY = "Healthy"
    UNCHANGED = "Unchanged"
    PUBLISHED = "Published"
    DONE = "Done"
    REPAIRED = "Repaired"
    DECLINED = "Declined"
    UNDECIDED = "Undecided"
    WATCH = "Watch"
    UNDELIVERED = "Undelivered"
    UNKNOWN = "Unknown"
    CRITICAL = "Critical"
    BLOCKED = "Blocked"
    BUSY = "Busy"
    REFUSED = "Refused"


TECHNICAL = frozenset({StateName.UNKNOWN, StateName.REFUSED, StateName.UNDELIVERED})
"""What a run could not do, and so a state of the type FAILED."""
EXITS = {
    StateName.UNDELIVERED: 5,
    StateName.UNKNOWN: 5,
    StateName.CRITICAL: 1,
    StateName.BLOCKED: 3,
    StateName.REFUSED: 3,
    StateName.BUSY: 75,
}


BY_ERROR = ((ImportsStopped, StateName.BLOCKED), (ImporterBusy, StateName.BUSY), (FeedError, StateName.REFUSED))


@dataclass(frozen=True, slots=True)
class Ending:
    """The name of a final state, and a line that says why it is that one."""

    name: StateName
    message: str

    @property
    def failed(self) -> bool:
        """Whether the state's type is FAILED."""
        return self.name in TECHNICAL

    @property
    def exit_code(self) -> int:
        """What the same run on the command line exits with."""
        return EXITS.get(self.name, 0)


def of_report(report: Report) -> Ending:
    """The ending of a health check."""
    return Ending(StateName(report.verdict.state), state_message(report))


def of_error(error: Exception) -> Ending | None:
    """The ending of a run that did not begin its work for a reason that is no fault of it; None for any other error."""
    name = next((name for kind, name in BY_ERROR if isinstance(error, kind)), None)
    return Ending(name, str(error)) if name else None


def of_import(report: ImportReport) -> Ending:
    """The ending of an import: that of its worst feed."""
    counts = ", ".join(f"{number} {outcome}" for outcome, number in outcome_counts(report).items())
    names = {
        Outcome.FAILED: StateName.REFUSED,
        Outcome.BLOCKED: StateName.BLOCKED,
        Outcome.PUBLISHED: StateName.PUBLISHED,
    }
    return Ending(names.get(report.outcome, StateName.UNCHANGED), f"import run {report.run}: {counts}")


def state_message(report: Report) -> str:
    """A report in a line without any data of rows."""
    score = "no score" if report.score is None else f"score {report.score}"
    why = f", {report.verdict.reason}" if report.verdict.reason else ""
    found = ", ".join(f"{number} {status}" for status, number in sorted(report.counts().items()))
    return f"{score} ({report.band}{why}); {found or 'no rules'}; run {report.run}"


def outcome_counts(report: ImportReport) -> dict[Outcome, int]:
    """How many feeds ended in which way."""
    found = [feed.outcome for feed in report.feeds]
    return {outcome: found.count(outcome) for outcome in Outcome if outcome in found}
