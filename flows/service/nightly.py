"""A night: import, the fixes that are allowed, then check; a gate that says stop stops it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from checks.engine.reporting.report import Report
from checks.repairs.apply import Attempt
from etl.importing import ImportReport, Outcome
from flows.service.context import Invocation
from flows.service.ending import Ending, of_import, of_report
from flows.service.health_check import check_health
from flows.service.import_feeds import import_all
from flows.service.repair import fix_what_is_allowed
from flows.service.requests import CheckRequest, ImportRequest, NightRequest

STOPPED = {Outcome.BLOCKED, Outcome.FAILED}
Importing = Callable[[Invocation, ImportRequest], ImportReport]
Checking = Callable[[Invocation, CheckRequest], Report]


@dataclass(frozen=True, slots=True)
class Night:
    """What a night did; without a report where the import stopped it."""

    imported: ImportReport
    report: Report | None = None
    fixed: tuple[Attempt, ...] = ()


def run_night(
    invocation: Invocation, request: NightRequest, importing: Importing = import_all, checking: Checking = check_health
) -> Night:
    """Import, repair what RALLY_AUTO_FIX allows, and check; the check's report names the repairs.

    `importing` and `checking` do these two, as flows of their own where Prefect shows them.
    """
    imported = importing(invocation, ImportRequest(paths=request.paths, wait=request.wait, prune=request.prune))
    if imported.outcome in STOPPED:
        return Night(imported)
    what = "Repairs of RALLY_AUTO_FIX."
    fixed = invocation.step("automatic fixes", lambda: fix_what_is_allowed(invocation.settings), what=what)
    informed = replace(invocation, remarks=(*invocation.remarks, *map(str, fixed)))
    return Night(imported, checking(informed, CheckRequest(tags=request.tags)), fixed)


def of_night(night: Night) -> Ending:
    """The ending of a night: the import's where it stopped there, otherwise that of what the rules found."""
    return of_import(night.imported) if night.report is None else of_report(night.report)
