"""A report opens, updates and closes incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerts.incidents.lifecycle import observe
from alerts.incidents.model import EventKind, Incident
from alerts.incidents.store import latest, lock, store, tell_story
from checks.engine.report import Report


@dataclass(frozen=True, slots=True)
class Update:
    """An incident that a report touched, and what happened to it; None when only its figures moved."""

    incident: Incident
    kind: EventKind | None


def open_incidents(connection: Connection, report: Report, now: datetime, *, scope: str = "") -> Sequence[Update]:
    """Bring incidents up to date with a report, in the caller's transaction; worst first.

    `scope` names what a run was narrowed to, such as "league CNSWPL": its incidents are its own, for a part says
    nothing about the whole. Incidents of rules that the run did not measure stay as they are.
    """
    lock(connection)
    known = latest(connection, scope, now)
    updates = []
    for result in report.results:
        change = observe(known.get(result.id), result, report.run, now, scope)
        if change is None:
            continue
        number = store(connection, change.incident)
        if change.kind is not None:
            tell_story(connection, number, now, change.kind, text=change.text, run=report.run)
        updates.append(Update(replace(change.incident, id=number), change.kind))
    return sorted(updates, key=lambda update: update.incident.order)
