"""Cases of the domain imports."""

from __future__ import annotations

from datetime import timedelta

from checks.rules.imports import rows, runs
from tests.checks.rules.case import Case
from tests.checks.rules.entries import feed

CASES = (
    Case(
        runs.hours_since_successful_import,
        good=[feed(timedelta(hours=30), outcome="failed"), feed(timedelta(hours=-3))],
        bad=[feed(timedelta(hours=40), outcome="unchanged"), feed(timedelta(hours=60))],
        value=40,
    ),
    Case(
        runs.failed_import,
        good=[feed(), feed(outcome="unchanged"), feed(outcome="running"), feed(timedelta(days=31), outcome="failed")],
        bad=[feed(outcome="failed"), feed(outcome="blocked")],
        count=2,
    ),
    Case(
        rows.share_of_rejected_rows,
        good=[feed(rows=10, rejects=5), feed(rows=100, rejects=1), feed(rows=10, rejects=10, outcome="failed")],
        bad=[feed(kind="players", rows=100, rejects=3)],
        value=0.02,
    ),
    Case(
        rows.share_of_unlinked_sides,
        good=[feed(linked=4, unlinked=4), feed(linked=99, unlinked=1)],
        bad=[feed(league="CITA", linked=94, unlinked=6)],
        value=0.035,
    ),
)
