"""What one result of a run does to an incident: pure, so that a month can be played through in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.incidents.model import EventKind, Incident
from checks import Status
from checks.engine.results import Result

REOPENS_WITHIN = timedelta(days=1)
EXAMPLES = 5
ACCEPTED = "accepted by a waiver"
GONE = "gone"
NO_LONGER_THERE = "what it was about is no longer there"


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after a result, and what happened to it; `kind` None when only its figures moved."""

    incident: Incident
    kind: EventKind | None
    text: str = ""


def observe(known: Incident | None, result: Result, run: str, now: datetime, scope: str = "") -> Change | None:
    """What `result` does to the newest incident of its rule; None when nothing.

    A rule that was not measured is never gone: SKIPPED changes nothing, and ERROR never makes CRITICAL look better.
    """
    if known is not None and now < known.seen_at:
        return None  # a run that was slow to report says nothing about what a later one saw
    if result.trouble:
        return _trouble(known, result, run, now, scope)
    gone = result.accepted or result.status is Status.OK
    if known is None or not known.open or not gone:
        return None
    return _resolved(replace(known, **_figures(result)), ACCEPTED if result.accepted else GONE, run, now)


def observe_none(known: Incident, run: str, now: datetime) -> Change | None:
    """What it does to an incident that its rule was measured, and no longer for this parameter; None when nothing."""
    if not known.open or now < known.seen_at:
        return None
    return _resolved(known, NO_LONGER_THERE, run, now)


def _trouble(known: Incident | None, result: Result, run: str, now: datetime, scope: str) -> Change:
    if known is None or (known.resolved_at is not None and now - known.resolved_at > REOPENS_WITHIN):
        return Change(_opened(result, run, now, scope), EventKind.OPENED, _said(result))
    seen = replace(known, **_figures(result), seen_at=now, seen_run=run)
    if not known.open:
        return Change(_again(seen, result.status, now), EventKind.REOPENED, _said(result))
    if result.status is Status.ERROR and known.status is Status.CRITICAL:
        seen = replace(seen, measurement=known.measurement)
        return Change(seen, None if known.error else EventKind.UNMEASURED, result.error)
    if result.status is known.status:
        return Change(seen, None)
    return _turned(seen, known.status, result, now)


def _turned(seen: Incident, before: Status, result: Result, now: datetime) -> Change:
    turned = replace(seen, status=result.status, worst=max(seen.worst, result.status, key=_rank), since=now)
    if result.status.rank > before.rank:
        # whoever acknowledged it did so of something smaller
        turned = replace(turned, acknowledged_at=None, acknowledged_by=None)
        return Change(turned, EventKind.WORSENED, _said(result))
    return Change(turned, EventKind.IMPROVED, _said(result))


def _opened(result: Result, run: str, now: datetime, scope: str) -> Incident:
    return Incident(
        rule=result.rule,
        parameter=result.parameter,
        scope=scope,
        status=result.status,
        worst=result.status,
        opened_at=now,
        opened_run=run,
        seen_at=now,
        seen_run=run,
        since=now,
        **_figures(result),
    )


def _again(seen: Incident, status: Status, now: datetime) -> Incident:
    worst = max(seen.worst, status, key=_rank)
    return replace(
        seen, status=status, worst=worst, since=now, episode=seen.episode + 1, acknowledged_at=None,
        acknowledged_by=None, resolved_at=None, resolved_run=None, resolution=None,
    )  # fmt: skip


def _resolved(known: Incident, why: str, run: str, now: datetime) -> Change:
    after = replace(known, seen_at=now, seen_run=run, resolved_at=now, resolved_run=run, resolution=why)
    return Change(after, EventKind.RESOLVED, why)


def _figures(result: Result) -> Mapping[str, Any]:
    return {
        "domain": result.domain, "severity": result.severity, "summary": result.summary, "owner": result.owner,
        "runbook": result.runbook, "measurement": result.measurement, "change": result.change,
        "points": result.points, "clusters": tuple(str(cluster) for cluster in result.clusters),
        "examples": tuple(dict(key) for key in result.examples[:EXAMPLES]), "error": result.error,
    }  # fmt: skip


def _said(result: Result) -> str:
    return f"{result.status}: {result.error or result.measurement}".rstrip(": ")


def _rank(status: Status) -> int:
    return status.rank
