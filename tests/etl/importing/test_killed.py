"""kill -9 at every step of an import: the database is as before or as after, and the next import is right."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from etl import ImporterBusy
from etl.database import open_engine
from etl.feeds import Feed
from etl.importing import FeedResult, Outcome, import_feed
from etl.importing.feed_rows import Intake
from etl.importing.import_run import import_paths, importer_lock
from etl.importing.ledger import open_feed
from etl.importing.options import Options
from etl.importing.publish_parts import publish_feed
from etl.tables import import_feeds, import_runs, schedule
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish, publish_one, rows_of, standing, write
from tests.forks import run_code

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
STEPS = (
    "etl.importing.publish_parts.extract",
    "etl.importing.staging.load_columns",
    "etl.kinds.schedules.link_names",
    "etl.kinds.schedules.drop_duplicates",
    "etl.kinds.schedules._plan",
    "etl.importing.target.Writer.insert",
    "etl.importing.publish_parts.objections",
    "etl.importing.ledger.close_feed",
    "etl.importing.ledger.close_run",
)
# Runs an import whose process kills itself after a step. `after` waits for the step's result, so that its statements
# have reached the server.
KILLED = """
import os, pkgutil, signal, sys
from pathlib import Path
from etl.database import open_engine
from etl.importing.import_run import import_paths
from etl.importing.options import Options

url, path, step = sys.argv[1:]
module, name = step.rsplit(".", 1)
home = pkgutil.resolve_name(module)
original = getattr(home, name)

def after(*arguments, **options):
    original(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(home, name, after)
import_paths(open_engine(url), [Path(path)], Options())
"""


def two_teams_with_a_fixture(engine: Engine, folder: Path) -> None:
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))
    publish_one(engine, write(folder, "schedules", [fixture(*TEAMS)]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams_with_a_fixture)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_import_leaves_no_half_feed_and_the_next_is_right(league: Engine, tmp_path: Path, step: str) -> None:
    days = ("09/24/2024", "10/01/2024", "10/08/2024", "10/08/2024")  # one twice, so that every step has work
    path = write(tmp_path, "schedules", [fixture(*TEAMS, day) for day in days])
    url = league.url.render_as_string(hide_password=False)

    assert run_code(KILLED, url, str(path), step) == -signal.SIGKILL
    assert len(rows_of(league, schedule, "id")) in {1, 3}
    assert publish_one(league, path).outcome in {Outcome.PUBLISHED, Outcome.UNCHANGED}
    assert len(rows_of(league, schedule, "id")) == 3


def test_a_killed_run_is_closed_as_failed_by_the_next(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    url = league.url.render_as_string(hide_password=False)
    run_code(KILLED, url, str(path), STEPS[4])

    publish_one(league, path)

    assert [outcome for (outcome,) in rows_of(league, import_feeds, "outcome")][-2:] == ["failed", "published"]


def test_the_locks_of_a_killed_import_are_free_at_once(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    url = league.url.render_as_string(hide_password=False)
    run_code(KILLED, url, str(path), STEPS[4])

    report = publish(league, path)

    assert report.outcome is Outcome.PUBLISHED


def test_a_connection_cut_at_commit_is_settled_by_the_ledger(league: Engine, tmp_path: Path) -> None:
    """A cut before and one after COMMIT look alike to the client; without the ledger the feed was told as failed."""
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    cut = """
import sys
from pathlib import Path
from etl.database import open_engine
from etl.importing import import_feed
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from sqlalchemy.exc import OperationalError
from psycopg import OperationalError as Lost

publish = import_feed._publish
def cut_after_commit(*arguments):
    publish(*arguments)
    raise OperationalError("COMMIT", None, Lost("server closed the connection"), connection_invalidated=True)
import_feed._publish = cut_after_commit
report = import_paths(open_engine(sys.argv[1]), [Path(sys.argv[2])], Options())
sys.exit(0 if report.feeds[0].outcome == "published" and report.feeds[0].counts.inserted == 1 else 1)
"""
    url = league.url.render_as_string(hide_password=False)

    assert run_code(cut, url, str(path)) == 0


def test_a_server_that_goes_away_is_trouble_of_the_infrastructure(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    cut = """
import sys
from pathlib import Path
from sqlalchemy import text
from etl.database import open_engine
from etl import DatabaseUnavailable
from etl.kinds import schedules
from etl.importing.import_run import import_paths
from etl.importing.options import Options

engine = open_engine(sys.argv[1])
original = schedules._plan
def terminate(connection, *arguments):
    planned = original(connection, *arguments)
    own = connection.scalar(text("select pg_backend_pid()"))
    with engine.begin() as other:
        other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": own})
schedules._plan = terminate
try:
    import_paths(engine, [Path(sys.argv[2])], Options())
except DatabaseUnavailable:
    sys.exit(0)
sys.exit(1)
"""
    url = league.url.render_as_string(hide_password=False)

    assert run_code(cut, url, str(path)) == 0
    assert len(rows_of(league, schedule, "id")) == 1


def test_two_imports_at_once_the_second_is_told_who_holds_the_lock(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", [fixture(*TEAMS)])
    told = (
        r"another import is running: rally-health of rally, server process \d+, since \d\d:\d\d:\d\d UTC; wait for it"
    )

    with importer_lock(league), pytest.raises(ImporterBusy, match=told):
        import_paths(league, [path], Options())


def test_an_importer_that_waits_gets_the_lock(league: Engine) -> None:
    with importer_lock(league) as holder:
        holder.execute(text("select 1"))

    with importer_lock(league, wait=1) as second:
        assert second.scalar(text("select 1")) == 1


def test_an_import_that_lost_its_lock_publishes_nothing_after_another_took_over(league: Engine, tmp_path: Path) -> None:
    """The lock lies on an idle connection; once that was lost, two imports interleaved."""
    first = write(tmp_path / "first", "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    second = write(tmp_path / "second", "schedules", [fixture(*TEAMS, "10/08/2024")])

    def overtaken(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
        _end_holder(engine)
        with engine.begin() as own:
            feed_id = open_feed(own, run, feed, "a fingerprint")
        assert import_paths(open_engine(url), [second], Options()).outcome is Outcome.PUBLISHED
        intake = Intake(engine, feed_id)
        return import_feed._attempt(
            engine, feed, intake, lambda connection, own: publish_feed(connection, feed, own, options)
        )

    url = league.url.render_as_string(hide_password=False)

    with pytest.raises(ImporterBusy, match="another import has taken over"):
        import_paths(league, [first], Options(), importer=overtaken)

    assert {str(day) for (day,) in rows_of(league, schedule, "match_date")} == {"2024-09-24", "2024-10-08"}


def test_a_feed_whose_last_commit_was_cut_is_not_called_killed(league: Engine, tmp_path: Path) -> None:
    """The connection was lost when the run was to be closed: its feeds are published, and the next run says so."""
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])
    run = publish(league, path).run
    with league.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # a closed run is not reopened
        connection.execute(text("update quality.import_runs set outcome = 'running' where id = :run"), {"run": run})

    publish(league, path)

    assert dict(rows_of(league, import_runs, "id", "outcome"))[run] == "published"


def test_a_lock_that_is_lost_at_the_very_end_undoes_nothing(league: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "schedules", [fixture(*TEAMS), fixture(*TEAMS, "10/01/2024")])

    def last(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
        result = import_feed.import_feed(engine, feed, run, options)
        _end_holder(engine)
        return result

    report = import_paths(league, [path], Options(), importer=last)

    assert report.outcome is Outcome.PUBLISHED


def _end_holder(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and granted"
                " and database = (select oid from pg_database where datname = current_database())"
            )
        )
