"""Imports stop by themselves when the same feed has killed its import twice in a row, and for nothing less."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from etl import circuit_breaker
from etl.importing.import_run import importer_lock
from etl.importing.ledger import KILLED
from etl.tables import import_feeds, import_runs, incidents
from flows.service.context import Invocation
from flows.service.import_feeds import import_all
from flows.service.requests import ImportRequest
from flows.service.stops import settle_crashes
from flows.settings import Settings
from tests.etl.importing.feeds import standing, write

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def attempt(
    engine: Engine, ago: timedelta, *, league: str = "CITA", outcome: str = "failed", why: str = KILLED
) -> None:
    """One feed of one import that ended so long ago; a running one has not ended."""
    with engine.begin() as connection:
        run = connection.execute(insert(import_runs).values(outcome=outcome, paths=[]).returning(import_runs.c.id))
        row = {"run_id": run.scalar_one(), "path": "x.json", "kind": "schedules", "league": league, "outcome": outcome}
        ended = None if outcome == "running" else NOW - ago
        reasons = [why] if outcome == "failed" else []
        connection.execute(
            insert(import_feeds).values(
                **row, fingerprint="f", started_at=NOW - ago, finished_at=ended, reasons=reasons
            )
        )


def test_the_second_crash_of_a_feed_in_a_row_stops_the_imports(database: Engine) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, HOUR, outcome="running")

    stop = settle_crashes(database)

    assert stop is not None
    assert stop.automatic
    assert stop.reason.startswith("the import of schedules of CITA was killed 2 times in a row")


def test_one_crash_is_closed_in_the_ledger_and_stops_nothing(database: Engine) -> None:
    attempt(database, HOUR, outcome="running")

    assert settle_crashes(database) is None
    with database.begin() as connection:
        (row,) = connection.execute(select(import_feeds.c.outcome, import_feeds.c.reasons)).all()
    assert tuple(row) == ("failed", [KILLED])


@pytest.mark.parametrize(
    "between",
    [{"outcome": "published"}, {"why": "the file is no JSON"}, {"outcome": "blocked"}],
    ids=["published", "unreadable", "blocked"],
)
def test_crashes_that_are_not_in_a_row_stop_nothing(database: Engine, between: dict[str, str]) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, 12 * HOUR, **between)
    attempt(database, HOUR)

    assert settle_crashes(database) is None


def test_crashes_of_different_leagues_are_no_row(database: Engine) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, HOUR, league="NSTF")

    assert settle_crashes(database) is None


def test_what_a_person_has_resumed_after_counts_no_more(database: Engine) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, HOUR)
    assert settle_crashes(database) is not None
    with database.begin() as connection:
        circuit_breaker.resume(connection, "more memory", "kim")

    assert settle_crashes(database) is None


def test_an_import_at_work_is_left_alone(database: Engine) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, HOUR, outcome="running")

    with importer_lock(database):
        assert settle_crashes(database) is None

    with database.begin() as connection:
        assert "running" in connection.execute(select(import_feeds.c.outcome)).scalars().all()


def test_a_stop_that_came_by_itself_opens_an_incident_at_once(database: Engine, tmp_path: Path) -> None:
    attempt(database, 24 * HOUR)
    attempt(database, HOUR, outcome="running")
    write(tmp_path / "feeds", "series_stats", [standing("Birchwood - 11")])
    url = database.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, reports=tmp_path / "logs", data=tmp_path)

    with pytest.raises(circuit_breaker.ImportsStopped):
        import_all(Invocation(settings), ImportRequest(paths=(tmp_path / "feeds",)))

    with database.begin() as connection:
        (row,) = connection.execute(select(incidents.c.rule, incidents.c.status)).all()
    assert tuple(row) == ("imports_stopped", "CRITICAL")


def test_a_person_takes_over_what_has_stopped_by_itself(database: Engine) -> None:
    with database.begin() as connection:
        circuit_breaker.stop(connection, "duplicate_match got CRITICAL", "rally-health", automatic=True)

        held = circuit_breaker.stop(connection, "looking into it", "ada")

        assert held.reason == "duplicate_match got CRITICAL"
        assert not held.automatic


def test_a_person_who_stops_everything_takes_over_what_has_stopped_of_one_kind(database: Engine) -> None:
    with database.begin() as connection:
        reason = "duplicate_match got CRITICAL"
        circuit_breaker.stop(connection, reason, "rally-health", automatic=True, kind="schedules")

        circuit_breaker.stop(connection, "looking into it", "ada")

        assert [stop.automatic for stop in circuit_breaker.stops_in_force(connection)] == [False, False]
        assert len(circuit_breaker.resume(connection, "mended", "ada")) == 2
        assert circuit_breaker.stops_in_force(connection) == ()
