"""Every commit of an import is cut or goes silent, before and after the server has done it; then the network is back.

Each time the feed is published once, its run is closed, and the report says so: a commit is asked, not guessed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from etl.connections import TimeLimits
from etl.database import open_engine, retried
from etl.feeds import Feed
from etl.importing import FeedResult, Outcome
from etl.importing.import_feed import import_feed
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from etl.tables import import_feeds, import_runs, schedule
from tests.etl.conftest import Filled
from tests.etl.importing.feeds import fixture, publish_one, rows_of, standing, write
from tests.silent import DatabaseProxy, Fault

TEAMS = ("Birchwood - 11", "Tennaqua - 11")


def one_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    """One feed, tried as commands and flows do."""
    return retried(lambda: import_feed(engine, feed, run, options))


def two_teams(engine: Engine, folder: Path) -> None:
    publish_one(engine, write(folder, "series_stats", [standing(name) for name in TEAMS]))


@pytest.fixture
def league(filled: Filled) -> Engine:
    return filled(two_teams)


FAULTS = [
    pytest.param(Fault.CUT, True, id="cut before"),
    pytest.param(Fault.CUT, False, id="cut after"),
    # each commit waits its time limit out: where the server has done it is where a guess would be wrong
    pytest.param(Fault.SILENT, True, id="silent before", marks=pytest.mark.long),
    pytest.param(Fault.SILENT, False, id="silent after"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "before"), FAULTS)
def test_each_commit_of_an_import_is_asked_and_not_guessed(
    league: Engine, tmp_path: Path, fault: Fault, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.database.FIRST_DELAY", 0.05)
    monkeypatch.setattr("etl.connections.GRACE", 0.2)
    url = league.url.render_as_string(hide_password=False)
    limits = TimeLimits(lock=5, statement=1)
    with DatabaseProxy(url) as proxy:
        proxy.fail_at("COMMIT", 0, fault)
        engine = open_engine(proxy.url, limits=limits)
        import_paths(engine, [write(tmp_path, "schedules", [fixture(*TEAMS)])], Options(), importer=one_feed)
        commits = proxy.count
        engine.dispose()
        assert commits >= 5
        hits = 0
        for number in range(1, commits + 1):
            # one fixture more each time, so that there is something to publish
            days = [f"{1 + day // 28:02}/{1 + day % 28:02}/2025" for day in range(number)]
            path = write(tmp_path, "schedules", [fixture(*TEAMS), *(fixture(*TEAMS, day) for day in days)])
            engine = open_engine(proxy.url, limits=limits)
            proxy.fail_at("COMMIT", number, fault, before=before, for_good=False)

            # the server may not know yet that the session before is gone, which holds the importer's lock
            report = import_paths(engine, [path], Options(), importer=one_feed, wait=10)

            engine.dispose()
            hits += proxy.failed
            assert report.outcome in {Outcome.PUBLISHED, Outcome.UNCHANGED}, (number, report.feeds)
            assert len(rows_of(league, schedule, "id")) == 1 + number
            open_rows = [row for row in rows_of(league, import_feeds, "outcome") if row == ("running",)]
            assert open_rows == [], number
            assert rows_of(league, import_runs, "outcome")[-1][0] in {"published", "unchanged"}, number
        # connections that are there already commit less often than the first run did
        assert hits >= 8
