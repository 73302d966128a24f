"""The class that the platform's master import script calls."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from sqlalchemy import Engine

from etl import circuit_breaker, enhanced_schedules
from etl.enhanced_schedules import EnhancedSchedulesETL
from etl.tables import players, schedule
from tests.etl.importing.feeds import fixture, rows_of, standing, write
from tests.forks import Running

TEAMS = ("Birchwood - 11", "Tennaqua - 11")
FORKED = pytest.mark.usefixtures("as_a_fork")


@pytest.fixture(autouse=True)
def surroundings(database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a master script has set: the database and the folder of feeds."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("RALLY_FEEDS", str(tmp_path))
    monkeypatch.setenv("RALLY_REPORTS", str(tmp_path / "logs"))
    monkeypatch.setenv("RALLY_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def as_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is a fork of ours, with the same words and the same environment: a cold start is that of one test."""

    def run(command: list[str], **_: Any) -> CompletedProcess[str]:
        ended = Running(tuple(command[len(enhanced_schedules.COMMAND) - 1 :]), os.environ, Path.cwd(), apart=True).end()
        return CompletedProcess(command, ended.code, ended.out, ended.err)

    monkeypatch.setattr("etl.enhanced_schedules.subprocess.run", run)


def test_without_arguments_it_imports_standings_and_schedules_and_says_true(database: Engine, tmp_path: Path) -> None:
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    write(tmp_path, "schedules", [fixture(*TEAMS)])
    write(tmp_path, "players", [{"League": "APTA_CHICAGO", "Series": "Chicago 11", "Player ID": "p1"}])
    master = EnhancedSchedulesETL()

    assert master.run() is True
    assert len(rows_of(database, schedule, "id")) == 1
    assert rows_of(database, players, "id") == []
    assert master.report is not None
    assert [feed["kind"] for feed in master.report["feeds"]] == ["series_stats", "schedules"]


@FORKED
def test_with_a_file_it_imports_that(database: Engine, tmp_path: Path) -> None:
    write(tmp_path, "schedules", [fixture(*TEAMS)])
    file = write(tmp_path / "other", "series_stats", [standing(name) for name in TEAMS])

    assert EnhancedSchedulesETL(file).run() is True
    assert rows_of(database, schedule, "id") == []


@FORKED
def test_a_blocked_feed_is_false_and_logged_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, "schedules", [])

    assert EnhancedSchedulesETL(str(tmp_path)).run() is False
    assert caplog.messages[0] == f"{path}: empty_feed: the feed has no rows; nothing is published over what is there"


@FORKED
def test_it_stops_where_imports_are_stopped(database: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    with database.begin() as connection:
        circuit_breaker.stop(connection, "the season changes", "kim", automatic=False)

    assert EnhancedSchedulesETL().run() is False
    assert "imports are stopped since" in caplog.messages[0]
    assert "the season changes" in caplog.messages[0]


@FORKED
def test_a_dry_run_commits_nothing(database: Engine, tmp_path: Path) -> None:
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    write(tmp_path, "schedules", [fixture(*TEAMS)])

    EnhancedSchedulesETL(dry_run=True).run()

    assert rows_of(database, schedule, "id") == []


@FORKED
def test_a_database_that_is_away_is_false_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://rally:secret@127.0.0.1:1/rally")
    write(tmp_path, "schedules", [fixture(*TEAMS)])

    assert EnhancedSchedulesETL().run() is False
    assert caplog.messages[0].startswith("schedules were not imported: the database at ")
    assert "secret" not in caplog.text


@FORKED
def test_a_path_without_feeds_is_false(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert EnhancedSchedulesETL(tmp_path / "nowhere").run() is False
    assert caplog.messages
