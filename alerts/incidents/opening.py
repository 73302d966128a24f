"""A report opens, updates and closes incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerts.incidents.lifecycle import Change, observe, observe_none
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
    updates = []
    for change in _changes(latest(connection, scope, now), report, now, scope):
        number = store(connection, change.incident)
        if change.kind is not None:
            tell_story(connection, number, now, change.kind, text=change.text, run=report.run)
        updates.append(Update(replace(change.incident, id=number), change.kind))
    return sorted(updates, key=lambda update: update.incident.order)


def _changes(known: Mapping[tuple[str, str], Incident], report: Report, now: datetime, scope: str) -> Iterator[Change]:
    for result in report.results:
        if change := observe(known.get(result.id), result, report.run, now, scope):
            yield change
    measured = {result.id for result in report.results}
    by_parameter = {rule for rule, parameter in measured if parameter}  # else their list could not be read
    absent = (known[one] for one in known.keys() - measured if one[0] in by_parameter)
    yield from filter(None, (observe_none(incident, report.run, now) for incident in absent))
