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
        good=[
            feed(60 * HOUR), feed(50 * HOUR, outcome="unchanged"), feed(240 * DAY, kind="players"),
            # replayed rows are no feed, and one that never came in well is not overdue
            *(feed(51 * HOUR, league=league, partial=True) for league in ("NSTF", "A", "B")),
            *(feed(51 * HOUR, league=league, outcome="failed") for league in ("APTA", "C", "D", "E")),
        ],
        bad=[
            feed(51 * HOUR, league="CITA"), feed(HOUR, league="CITA", outcome="failed"),
            feed(HOUR, league="CITA", partial=True),
        ],
        total=2,
    ),
    Case(
        imports.failed_import,
        good=[
            feed(), feed(outcome="unchanged"), feed(outcome="running"), feed(30 * DAY, outcome="failed"),
            feed(-HOUR, outcome="failed"),
        ],
        bad=[feed(outcome="failed"), feed(timedelta(), outcome="blocked")],
        count=2,
        total=4,
    ),
    Case(
        imports.part_left_held,
        good=[
            feed(), part(20 * HOUR), part(9 * DAY, league="NSTF", closed_at=NOW - DAY),
            part(9 * DAY, kind="players", outcome="published"), part(0 * HOUR, league="B"), part(-HOUR, league="C"),
        ],
        bad=[part(21 * HOUR, league="CITA"), part(9 * DAY, league="CITA", path="all/schedules.json")],
        total=5,
    ),
    Case(
        imports.import_without_end,
        good=[feed(7 * HOUR), feed(6 * HOUR, outcome="running")],
        bad=[feed(7 * HOUR, outcome="running", finished_at=None)],
        total=3,
    ),
    Case(
        imports.imports_stopped,
        good=[stop(resumed_at=NOW - DAY, automatic=True), stop(resumed_at=NOW - DAY)],
        bad=[stop(automatic=True)],
        total=2,
    ),
    Case(  # what a person has stopped is meant to stand still
        imports.imports_stopped, good=[stop()], bad=[stop(resumed_at=NOW - DAY, automatic=True)], count=0, total=1
    ),
    Case(
        imports.slow_import,
        good=[
            *[done_in(4)] * 5, done_in(12), *[done_in(20, league="CITA")] * 5, done_in(60, league="CITA"),
            *[done_in(20, kind="players")] * 4, done_in(600, kind="players"),
            # what failed, was replayed, or has not ended is no publication
            *(done_in(900, outcome="failed", league=league) for league in ("CNSWPL", "A")),
            *(done_in(900, partial=True, league=league) for league in ("CNSWPL", "B")),
            *(feed(finished_at=None, league=league) for league in ("CNSWPL", "C")),
            # the time of 15 imports ago does not count, nor does ten seconds more than usual
            *[done_in(99, kind="matches")] * 20, *[done_in(2, kind="matches")] * 13, done_in(12, kind="matches"),
        ],
        bad=[*[done_in(20, league="NSTF")] * 5, done_in(61, league="NSTF"),
             done_in(1, league="NSTF", outcome="blocked")],
        total=5,
    ),
)  # fmt: skip

ROWS = (
    Case(
        imports.share_of_rejected_rows,
        good=[feed(rows=10, rejects=5), feed(rows=100, rejects=1), feed(rows=10, rejects=10, outcome="failed")],
        bad=[feed(kind="players", rows=100, rejects=3), feed(kind="players", rows=9, rejects=9, partial=True)],
        value=0.02,
    ),
    Case(
        imports.share_of_unlinked_sides,
        good=[feed(linked=4, unlinked=4), feed(linked=99, unlinked=1)],
        bad=[
            feed(league="CITA", linked=94, unlinked=6), feed(league="CITA", unlinked=7, outcome="blocked"),
            feed(league="CITA", unlinked=8, partial=True),
        ],
        value=0.035,
    ),
    Case(
        imports.validation_coverage,
        good=[feed(rows=100, records=7), feed(rows=100, records=98, rejects=2)],
        bad=[
            feed(kind="players", rows=100, records=90), feed(kind="players", rows=100, outcome="failed"),
            feed(kind="players", rows=100, partial=True),
        ],
        value=0.95,
    ),
    Case(
        imports.feed_volume_drop,
        good=[
            *[feed(rows=100)] * 3, feed(rows=80), *[feed(rows=100, league="CITA")] * 2, feed(rows=1, league="CITA"),
            *[feed(rows=100, kind="players")] * 3, feed(rows=1, kind="players", outcome="blocked"),
            feed(rows=1, kind="players", partial=True),
            # as many as the last fourteen times, once there were more
            *[feed(rows=900, kind="matches")] * 20, *[feed(rows=100, kind="matches")] * 14,
        ],
        bad=[*[feed(rows=100, league="NSTF")] * 3, feed(rows=79, league="NSTF")],
        total=3,
    ),
    Case(
        imports.schema_drift,
        good=[
            feed(drift={"line": 3}), feed(), feed(drift={"line": 4}, outcome="blocked"),
            feed(drift={"line": 5}, partial=True),
            feed(drift={"line": 6}, league="A", outcome="blocked"), feed(drift={"line": 7}, league="B", partial=True),
        ],
        bad=[feed(kind="players", drift={"Team": 3})],
        total=2,
    ),
    Case(
        imports.reject_left_waiting,
        good=[
            feed(9 * DAY), reject(), feed(8 * DAY), reject(resolved_at=NOW), feed(7 * DAY, kind="players"), reject(),
            # of another kind or league, in rows that were replayed, in a feed that was not published
            feed(9 * DAY, outcome="blocked"), *(reject(index=index) for index in (9, 10)),
            feed(9 * DAY, partial=True), *(reject(index=index) for index in (11, 12, 13)),
            feed(DAY, kind="matches"), reject(raw='{"of": 2}'), feed(9 * DAY, league="NSTF"), reject(raw='{"of": 3}'),
            feed(DAY, league="NSTF"), reject(raw='{"of": 4}'),
        ],
        bad=[feed(8 * DAY, league="CITA"), reject(), reject(index=8), reject(index=9, resolved_at=NOW)],
        count=2,
        total=7,
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
