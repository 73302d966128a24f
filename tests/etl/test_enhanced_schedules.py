"""The class that the platform's master import script calls."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sqlalchemy import Engine

from etl.enhanced_schedules import EnhancedSchedulesETL
from etl.tables import players, schedule
from tests.etl.importing.feeds import fixture, rows_of, standing, write

TEAMS = ("Birchwood - 11", "Tennaqua - 11")


@pytest.fixture
def url(database: Engine) -> str:
    return database.url.render_as_string(hide_password=False)


def test_it_imports_standings_and_schedules_and_says_true(url: str, database: Engine, tmp_path: Path) -> None:
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    write(tmp_path, "schedules", [fixture(*TEAMS)])

    assert EnhancedSchedulesETL(url, [tmp_path]).run() is True
    assert len(rows_of(database, schedule, "id")) == 1


def test_it_leaves_other_kinds_alone(url: str, database: Engine, tmp_path: Path) -> None:
    write(tmp_path, "series_stats", [standing(name) for name in TEAMS])
    write(tmp_path, "players", [{"League": "APTA_CHICAGO", "Series": "Chicago 11", "Player ID": "p1"}])

    EnhancedSchedulesETL(url, [tmp_path]).run()

    assert rows_of(database, players, "id") == []


def test_a_blocked_feed_is_false_and_logged_with_its_reason(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "schedules", [])

    assert EnhancedSchedulesETL(url, [tmp_path]).run() is False
    assert caplog.messages == [f"{path}: empty_feed: the feed has no rows; nothing is published over what is there"]


def test_a_database_that_is_away_is_false_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "schedules", [fixture(*TEAMS)])

    with caplog.at_level(logging.ERROR):
        assert EnhancedSchedulesETL("postgresql://rally:secret@127.0.0.1:1/rally", [tmp_path]).run() is False
    assert caplog.messages == ["schedules were not imported: connection lost or refused (OperationalError)"]


def test_a_path_without_feeds_is_false(url: str, tmp_path: Path) -> None:
    assert EnhancedSchedulesETL(url, [tmp_path / "nowhere"]).run() is False
