"""Incidents: a rule that is not OK, from the run that saw it first to the run in which it is resolved.

What a result does to an incident is a pure function, so that a test can play a month through. A message carries a short
token that a person can read off a telephone and type; it is also the message's mark at the provider, by which an
earlier attempt is recognised.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from checks import Severity, Status

if TYPE_CHECKING:
    from checks.engine.reporting.report import Result

# no 0, O, 1, I, L, U: nobody has to ask which it was
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_TOKEN = re.compile(rf"#?\b([{ALPHABET}]{{{LENGTH}}})\b", re.IGNORECASE)


def new_token() -> str:
    """A token that cannot be guessed: 39 bits, good for one message; with a digit, so that it is no word."""
    token = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return token if not token.isalpha() else new_token()


def normal(token: str) -> str:
    """A token as it is stored, whatever case and mark it was typed with."""
    return token.strip().removeprefix("#").upper()


def found_in(text: str) -> str | None:
    """The first thing in a text that looks like a token; a bare word only when it holds a digit."""
    for match in _TOKEN.finditer(text):
        if match[0].startswith("#") or re.search(r"\d", match[1]):
            return match[1].upper()
    return None


class EventKind(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    WORSENED = "worsened"
    IMPROVED = "improved"
    UNMEASURED = "unmeasured"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A rule (and parameter, and scope) that is not OK.

    `since` is when its present status began. `episode` counts its returns: it begins at 1 and grows with each
    reopening. `id` is 0 until it is stored.
    """

    id: int = 0
    rule: str
    parameter: str = ""
    scope: str = ""
    domain: str
    severity: Severity
    status: Status
    worst: Status
    summary: str
    owner: str = ""
    runbook: str = ""
    measurement: str = ""
    change: str = ""
    points: Decimal = Decimal("0.00")
    clusters: tuple[str, ...] = ()
    examples: tuple[dict[str, Any], ...] = ()
    error: str = ""
    opened_at: datetime
    opened_run: str
    seen_at: datetime
    seen_run: str
    since: datetime
    episode: int = 1
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    resolved_at: datetime | None = None
    resolved_run: str | None = None
    resolution: str | None = None

    @property
    def title(self) -> str:
        """The rule, with its parameter in brackets."""
        return f"{self.rule} ({self.parameter})" if self.parameter else self.rule

    @property
    def open(self) -> bool:
        """Whether it lasts."""
        return self.resolved_at is None

    @property
    def state(self) -> str:
        """In one word: open, acknowledged or resolved."""
        if not self.open:
            return "resolved"
        return "acknowledged" if self.acknowledged_at else "open"

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts worst first."""
        return (not self.open, -self.status.rank, -self.severity.rank, -self.points, self.rule, self.parameter, self.id)


REOPENS_WITHIN = timedelta(days=1)
EXAMPLES = 5
ACCEPTED = "accepted by a waiver"
GONE = "gone"
READ_AGAIN = "it is measured again, without enough to judge it by"
NO_LONGER_THERE = "what it was about is no longer there"


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after a result, and what happened to it; `kind` None when only its figures moved."""

    incident: Incident
    kind: EventKind | None
    text: str = ""


def observe(incident: Incident | None, result: Result, run: str, now: datetime, scope: str = "") -> Change | None:
    """What `result` does to the newest incident of its rule; None when nothing.

    A rule that was not measured is never resolved, and ERROR never makes CRITICAL look better. SKIPPED ends an ERROR
    alone, where the rule was asked and had too little to be judged by: that it could not be measured is over.
    """
    if incident is not None and now < incident.seen_at:
        return None  # a run that was slow to report says nothing about what a later one saw
    if result.trouble:
        return _trouble(incident, result, run, now, scope)
    if incident is None or not incident.open or not (why := _why_it_ends(incident, result)):
        return None
    return _resolved(replace(incident, **_figures(result)), why, run, now)


def _why_it_ends(incident: Incident, result: Result) -> str:
    """Why a result without trouble resolves an open incident; empty when it does not."""
    if result.accepted:
        return ACCEPTED
    if result.status is Status.OK:
        return GONE
    return READ_AGAIN if incident.status is Status.ERROR and not result.left_out else ""


def observe_none(known: Incident, run: str, now: datetime) -> Change | None:
    """What it does to an incident that its rule was measured, and no longer for this parameter; None when nothing."""
    if not known.open or now < known.seen_at:
        return None
    return _resolved(known, NO_LONGER_THERE, run, now)


def _trouble(incident: Incident | None, result: Result, run: str, now: datetime, scope: str) -> Change:
    if incident is None or (incident.resolved_at is not None and now - incident.resolved_at > REOPENS_WITHIN):
        return Change(_opened(result, run, now, scope), EventKind.OPENED, _said(result))
    seen = replace(incident, **_figures(result), seen_at=now, seen_run=run)
    if not incident.open:
        return Change(_again(seen, result.status, now), EventKind.REOPENED, _said(result))
    if result.status is Status.ERROR and incident.status is Status.CRITICAL:
        seen = replace(seen, measurement=incident.measurement)
        return Change(seen, None if incident.error else EventKind.UNMEASURED, result.error)
    if result.status is incident.status:
        return Change(seen, None)
    return _turned(seen, incident.status, result, now)


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
