"""Who hears of a CRITICAL that nobody acknowledges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alerts.incidents.model import Incident
from alerts.planning.model import Decision, History, Reason
from alerts.policy import Escalation, Policy
from checks import Status


def escalations(policy: Policy, incident: Incident, history: History, now: datetime) -> Iterator[Decision]:
    """The next step of the chain, if its time has come. Quiet hours do not hold it back, maintenance does."""
    chain = policy.escalation
    if chain is None or not _burning(chain, incident) or policy.maintained(incident.rule, now):
        return
    step, due = _next(policy, chain, incident, history, now)
    if step > len(chain.chain) or now < due:
        return
    for name in chain.chain[step - 1].who:
        for channel in chain.chain[step - 1].by:
            yield Decision(incident, name, channel, Reason.ESCALATION, f"unacknowledged, step {step}", step)


def _burning(chain: Escalation, incident: Incident) -> bool:
    unanswered = incident.open and incident.acknowledged_at is None
    return unanswered and incident.status is Status.CRITICAL and incident.severity in chain.severities


def _next(
    policy: Policy, chain: Escalation, incident: Incident, history: History, now: datetime
) -> tuple[int, datetime]:
    ended = [window.end for window in policy.windows(incident.rule) if window.end <= now]
    begin = max([incident.since, *ended])
    steps = [
        one
        for one in history.about(incident.id)
        if one.reason is Reason.ESCALATION and one.step and one.at >= incident.since
    ]
    last = max(steps, key=lambda one: one.step or 0, default=None)
    if last is None or last.step is None:
        return 1, begin + chain.after
    return last.step + 1, last.at + chain.after
