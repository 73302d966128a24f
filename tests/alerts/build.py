"""Reports and policies, written down in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from alerts.policy import Policy, load_policy
from checks import Severity, Status
from checks.engine.reporting.report import Report, Result, worst_first
from checks.engine.reporting.score import Score

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

PHONE, EMAIL = "+14155550123", "dana.private@example.org"
PEOPLE = f"""
[[people]]
name = "dana"
phone = "{PHONE}"
email = "{EMAIL}"
"""
SIMPLE = (
    PEOPLE
    + """
[[routes]]
who = ["dana"]
by = ["sms"]
statuses = ["CRITICAL"]

[[routes]]
who = ["dana"]
by = ["email"]
"""
)


def result(
    rule: str, status: Status, *, parameter: str = "", severity: Severity = Severity.HIGH, **more: object
) -> Result:
    """One result; what a test does not say is plain."""
    values: dict[str, object] = {
        "rule": rule, "domain": "schedule", "parameter": parameter, "severity": severity, "status": status,
        "gross_status": status, "summary": "A scheduled match is linked to no team at all.", "threshold": "above 5 %",
        "count": 205, "total": 727, "rate": 205 / 727, "points": Decimal("12.50"),
    }  # fmt: skip
    return Result(**(values | more))  # type: ignore[arg-type]


def report(*results: Result, run: str | None = None, at: datetime = NOON) -> Report:
    """A report of some results."""
    score = Score(Decimal("61.00"))
    return Report(
        run=run or str(uuid4()), started=at, finished=at, today=at.date(), selection="all",
        results=tuple(sorted(results, key=worst_first)), net=score, gross=score,
    )  # fmt: skip


def statuses(found: Mapping[str, Status], at: datetime = NOON) -> Report:
    """A report of rules by their status."""
    return report(*(result(rule, status) for rule, status in found.items()), at=at)


def policy(text: str = "", *, base: str = SIMPLE) -> Policy:
    """The simple policy, or another. What has no table of its own goes before the tables of the base."""
    return load_policy(f"{text}\n{base}")
