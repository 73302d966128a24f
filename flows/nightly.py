"""The flow of every night: import, then check; a gate that says stop stops it there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from prefect import Flow, flow
from prefect.client.schemas.objects import State

from checks.engine.reporting.report import Report
from checks.repairs.apply import Attempt
from etl.importing import ImportReport, Outcome
from flows.bridge.flow_run import RunFailed, call, run_body
from flows.health_check import health_check
from flows.import_feeds import import_feeds
from flows.service.context import Kept, Surroundings, surrounded
from flows.service.ending import Ending, of_import, of_report
from flows.service.repair import fix_what_is_allowed

STOPPED = {Outcome.BLOCKED, Outcome.FAILED}


@dataclass(frozen=True, slots=True)
class Night:
    """What a night came to; without a report where the import stopped it."""

    imported: ImportReport
    report: Report | None = None
    fixed: tuple[Attempt, ...] = ()


@flow(name="nightly", flow_run_name="night")
def nightly(
    paths: list[str] | None = None, *, wait: float = 1800, prune: bool = False, tags: list[str] | None = None
) -> State[Night]:
    """Import the feeds below `paths`, then run the rules with these `tags`, all of them by default.

    Without `paths` the folder of RALLY_FEEDS is taken. `wait` is how many seconds to wait for another import, `prune`
    deletes rows that a feed has withdrawn. Where a feed was blocked or could not be read, nothing is checked.
    In between, the fixes that RALLY_AUTO_FIX allows are made; the health check's report tells of them.

    Final states: Blocked, Refused (FAILED), or those of the health check.
    """

    def body(around: Surroundings) -> Night:
        imported: ImportReport = _inner(around, import_feeds, paths=paths, wait=wait, prune=prune)
        if imported.outcome in STOPPED:
            return Night(imported)
        fixed = call("automatic fixes", lambda: fix_what_is_allowed(around.settings), what="Repairs of RALLY_AUTO_FIX.")
        told = replace(around, remarks=(*around.remarks, *map(str, fixed)))
        return Night(imported, _inner(told, health_check, tags=tags), fixed)

    return run_body(body, of_night, lambda night: None)


def of_night(night: Night) -> Ending:
    """The ending of a night: the import's where it stopped there, otherwise that of what the rules found."""
    return of_import(night.imported) if night.report is None else of_report(night.report)


def _inner(around: Surroundings, flow: Flow[..., Any], **parameters: Any) -> Any:
    """Run a flow inside this one, and return what it came to; its final state is only shown."""
    kept = Kept(lost=around.kept.lost)
    with surrounded(replace(around, kept=kept)):
        flow(**parameters, return_state=True)
    if not kept.done:
        raise kept.error or RunFailed(f"{flow.name} did not run")
    return kept.value
