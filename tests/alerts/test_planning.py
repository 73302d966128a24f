"""Who is notified at a moment, by hand: each decision with its words, the chain step by step, the cap of a night."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.incidents import Incident, observe
from alerts.people import Channel
from alerts.planning import Decision, Notification, Reason, decide, plan
from checks import Severity, Status
from tests.alerts.build import HOUR, MINUTE, NOON, policy, result

EVENING = NOON + 10 * HOUR
CHAIN = """
repeat = "6h"
night_cap = 2

[[people]]
name = "dana"
phone = "+14155550123"
email = "dana@example.org"
hours = "07:00-21:00"

[[people]]
name = "lee"
phone = "+14155550124"
email = "lee@example.org"

[[routes]]
who = ["dana"]
by = ["sms"]
statuses = ["CRITICAL"]

[[routes]]
who = ["lee"]
by = ["email"]
after = "30m"

[escalation]
after = "20m"
severities = ["HIGH"]
chain = [{who = ["lee"], by = ["sms"]}, {who = ["lee", "dana"], by = ["email"]}]
"""
POLICY = policy(base=CHAIN)


def incident(number: int, status: Status = Status.CRITICAL, at: datetime = NOON, **more: object) -> Incident:
    change = observe(None, result(f"rule_{number}", status), "run", at)
    assert change is not None
    return replace(change.incident, id=number, **more)  # type: ignore[arg-type]


def heard(  # noqa: PLR0917 - a row of a table
    number: int, who: str, by: Channel, reason: Reason, at: datetime, step: int | None = None,
    status: Status = Status.CRITICAL,
) -> Notification:  # fmt: skip
    return Notification(number, who, by, reason, status, at, step)


def said(found: list[Decision]) -> list[tuple[str, str, Reason | None, str, int | None]]:
    return [(one.recipient, one.channel.value, one.reason, one.why, one.step) for one in found]


def test_each_step_of_the_chain_comes_its_time_after_the_one_before() -> None:
    lasting, sms, email = incident(1), Channel.SMS, Channel.EMAIL
    told = [heard(1, "dana", sms, Reason.NEW, NOON), heard(1, "lee", email, Reason.NEW, NOON + 30 * MINUTE)]
    first = heard(1, "lee", sms, Reason.ESCALATION, NOON + 25 * MINUTE, 1)
    second = [heard(1, who, email, Reason.ESCALATION, NOON + 50 * MINUTE, 2) for who in ("lee", "dana")]

    def steps(history: list[Notification], minutes: int) -> list[tuple[str, str, int | None]]:
        found = decide(POLICY, [lasting], [*told, *history], NOON + minutes * MINUTE)
        return [(one.recipient, one.channel.value, one.step) for one in found if one.reason is Reason.ESCALATION]

    assert steps([], 19) == []
    assert steps([], 20) == [("lee", "sms", 1)]
    assert steps([first], 44) == []
    assert steps([first], 45) == [("lee", "email", 2), ("dana", "email", 2)]
    assert steps([first, *second], 300) == []


@pytest.mark.parametrize(
    "calm",
    [
        incident(1, Status.WARN), incident(1, severity=Severity.MEDIUM), incident(1, acknowledged_at=NOON),
        incident(1, resolved_at=NOON),
    ],
    ids=["warn", "medium", "acknowledged", "resolved"],
)  # fmt: skip
def test_what_does_not_burn_does_not_escalate(calm: Incident) -> None:
    found = decide(POLICY, [calm], [], NOON + HOUR)

    assert [one for one in found if one.reason is Reason.ESCALATION] == []


def test_the_chain_begins_anew_when_it_gets_worse_again() -> None:
    again = incident(1, since=NOON + 3 * HOUR)
    before = [heard(1, "lee", Channel.SMS, Reason.ESCALATION, NOON + 25 * MINUTE, 1)]

    def steps(minutes: int) -> list[int | None]:
        found = decide(POLICY, [again], before, NOON + 3 * HOUR + minutes * MINUTE)
        return [one.step for one in found if one.reason is Reason.ESCALATION]

    assert (steps(19), steps(20)) == ([], [1])


def test_every_decision_says_why() -> None:
    lasting, warned = incident(1), incident(2, Status.WARN)
    told = [
        heard(1, "dana", Channel.SMS, Reason.NEW, NOON),
        heard(1, "lee", Channel.EMAIL, Reason.NEW, NOON, status=Status.WARN),
    ]

    at_first = decide(POLICY, [warned], [], NOON + 29 * MINUTE)
    then = decide(POLICY, [warned], [], NOON + 30 * MINUTE)
    worse = decide(POLICY, [replace(lasting, severity=Severity.LOW)], told, NOON + 31 * MINUTE)
    known = decide(POLICY, [replace(lasting, severity=Severity.LOW)], told[:1], NOON + 5 * HOUR)
    repeated = decide(POLICY, [replace(lasting, severity=Severity.LOW)], told[:1], NOON + 6 * HOUR)

    assert said(at_first) == [("lee", "email", None, "told at 2026-03-02 12:30 UTC if it lasts", None)]
    assert said(then) == [("lee", "email", Reason.NEW, "not told yet", None)]
    assert said(worse) == [
        ("dana", "sms", None, "told 2026-03-02 12:00 UTC", None),
        ("lee", "email", Reason.WORSE, "was WARN when last told", None),
    ]
    assert said(known)[0] == ("dana", "sms", None, "told 2026-03-02 12:00 UTC", None)
    assert said(repeated)[0] == ("dana", "sms", Reason.REPEAT, "unchanged since 2026-03-02 12:00 UTC", None)


def test_beyond_the_cap_of_a_night_only_what_escalates_goes_out() -> None:
    def messages(before: int, *, reason: Reason = Reason.NEW, at: datetime = EVENING) -> list[tuple[str, bool]]:
        told = [heard(90 + n, "dana", Channel.SMS, Reason.NEW, EVENING - n * MINUTE) for n in range(before)] + [
            heard(80 + n, "dana", Channel.SMS, Reason.NEW, NOON + n * HOUR) for n in range(5)
        ]
        due = [Decision(incident(1), "dana", Channel.SMS, reason, "not told yet")]
        due.append(Decision(incident(2), "lee", Channel.SMS, Reason.NEW, "not told yet"))
        return [(one.recipient, one.last_of_night) for one in plan(POLICY, due, told, at)]

    other = ("lee", False)
    assert messages(0) == [("dana", False), other]
    assert messages(1) == [("dana", True), other]
    assert messages(2) == [other]
    assert messages(2, reason=Reason.ESCALATION) == [("dana", False), other]
    assert messages(2, at=EVENING + 10 * HOUR) == [("dana", False), other]


def test_a_message_has_the_worst_first_and_what_is_gone_last() -> None:
    gone = incident(1, resolved_at=NOON)
    items = [(gone, Reason.RECOVERY), (incident(2, Status.WARN), Reason.NEW), (incident(3), Reason.REPEAT)]
    due = [Decision(one, "lee", Channel.EMAIL, reason, "") for one, reason in items]
    silent = Decision(incident(4), "lee", Channel.EMAIL, None, "acknowledged by dana")

    (message,) = plan(POLICY, [*due, silent], [], NOON + timedelta(hours=1))

    assert [item.incident.id for item in message.items] == [3, 2, 1]
    assert (message.reason, message.status) == (Reason.NEW, Status.CRITICAL)
    (farewell,) = plan(POLICY, due[:1], [], NOON)
    assert (farewell.reason, farewell.status) == (Reason.RECOVERY, Status.OK)
