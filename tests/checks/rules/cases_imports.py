"""Cases of the domain imports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from checks.rules import imports
from tests.checks.rules.case import Case
from tests.checks.rules.entries import ELSEWHERE, NOW, TWO_TEAMS, Entry, alias, feed, link, part, reject, stop, team

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def done_in(seconds: float, **values: Any) -> Entry:
    """A publication that took so long."""
    return feed(started_at=NOW - DAY, finished_at=NOW - DAY + timedelta(seconds=seconds), **values)


RUNS = (
    Case(
        imports.hours_since_successful_import,
        good=[feed(30 * HOUR, outcome="failed"), feed(-3 * HOUR)],
        bad=[feed(40 * HOUR, outcome="unchanged"), feed(60 * HOUR)],
        value=40,
    ),
    Case(
        imports.overdue_feed,
        good=[feed(60 * HOUR), feed(49 * HOUR, outcome="unchanged"), feed(241 * DAY, kind="players")],
        bad=[feed(51 * HOUR, league="CITA"), feed(1 * HOUR, league="CITA", outcome="failed")],
        total=2,
    ),
    Case(
        imports.failed_import,
        good=[feed(), feed(outcome="unchanged"), feed(outcome="running"), feed(31 * DAY, outcome="failed")],
        bad=[feed(outcome="failed"), feed(outcome="blocked")],
        count=2,
        total=4,
    ),
    Case(
        imports.part_left_held,
        good=[
            feed(), part(19 * HOUR), part(9 * DAY, league="NSTF", closed_at=NOW - DAY),
            part(9 * DAY, kind="players", outcome="published"),
        ],
        bad=[part(21 * HOUR, league="CITA"), part(9 * DAY, league="CITA", path="all/schedules.json")],
        total=4,
    ),
    Case(
        imports.import_without_end,
        good=[feed(7 * HOUR), feed(5 * HOUR, outcome="running")],
        bad=[feed(7 * HOUR, outcome="running", finished_at=None)],
        total=3,
    ),
    Case(
        imports.imports_stopped,
        good=[stop(resumed_at=NOW - DAY, automatic=True)],
        bad=[stop(automatic=True)],
        total=2,
    ),
    Case(
        imports.slow_import,
        good=[
            *[done_in(4)] * 5, done_in(12), *[done_in(20, league="CITA")] * 5, done_in(60, league="CITA"),
            *[done_in(20, kind="players")] * 4, done_in(600, kind="players"),
        ],
        bad=[*[done_in(20, league="NSTF")] * 5, done_in(61, league="NSTF")],
        total=4,
    ),
)  # fmt: skip

ROWS = (
    Case(
        imports.share_of_rejected_rows,
        good=[feed(rows=10, rejects=5), feed(rows=100, rejects=1), feed(rows=10, rejects=10, outcome="failed")],
        bad=[feed(kind="players", rows=100, rejects=3)],
        value=0.02,
    ),
    Case(
        imports.share_of_unlinked_sides,
        good=[feed(linked=4, unlinked=4), feed(linked=99, unlinked=1)],
        bad=[feed(league="CITA", linked=94, unlinked=6)],
        value=0.035,
    ),
    Case(
        imports.validation_coverage,
        good=[feed(rows=100, records=98, rejects=2)],
        bad=[feed(kind="players", rows=100, records=90)],
        value=0.95,
    ),
    Case(
        imports.feed_volume_drop,
        good=[
            *[feed(rows=100)] * 3, feed(rows=80), *[feed(rows=100, league="CITA")] * 2, feed(rows=1, league="CITA"),
            *[feed(rows=100, kind="players")] * 3, feed(rows=1, kind="players", outcome="blocked"),
        ],
        bad=[*[feed(rows=100, league="NSTF")] * 3, feed(rows=79, league="NSTF")],
        total=2,
    ),
    Case(
        imports.schema_drift,
        good=[feed(drift={"line": 3}), feed()],
        bad=[feed(kind="players", drift={"Team": 3})],
        total=2,
    ),
    Case(
        imports.reject_left_waiting,
        good=[feed(9 * DAY), reject(), feed(8 * DAY), reject(resolved_at=NOW), feed(6 * DAY, kind="players"), reject()],
        bad=[feed(8 * DAY, league="CITA"), reject(), reject(index=8)],
        count=2,
        total=4,
    ),
)  # fmt: skip

SETUP = (
    Case(imports.unresolved_team_name, good=[link("Winnetka 1", 1)], bad=[link(" - 9 SW", None)], total=2),
    Case(
        imports.alias_into_another_league,
        good=[*TWO_TEAMS, alias("Winnetka One", 1)],
        bad=[*ELSEWHERE, team(3, league_id=2), alias("Winnetka Three", 3)],
        total=2,
    ),
)

CASES = (*RUNS, *ROWS, *SETUP)
