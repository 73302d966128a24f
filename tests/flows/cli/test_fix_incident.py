"""The incident of 2025, mended by `fix` alone: found, planned, applied, verified, and taken back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from flows.service.context import today_here
from flows.service.demo import load_as_in_2025, season, write_feeds
from tests.etl.repairs.dump import dump
from tests.flows.conftest import Run

pytestmark = pytest.mark.slow


@pytest.fixture
def feeds(run: Run, database: Engine, tmp_path: Path) -> Path:
    """The season as the old loader left it; the feeds that it read."""
    sample = season(today_here())
    standings, players, _ = write_feeds(sample, tmp_path / "feeds")
    assert run("import", standings, players).code == 0
    with database.begin() as connection:
        load_as_in_2025(connection, sample.schedules)
    return tmp_path / "feeds"


def score(run: Run) -> float:
    return float(run("check", "--json", "-").json()["score"])


def test_the_incident_is_found_mended_and_taken_back(run: Run, database: Engine, feeds: Path) -> None:
    assert score(run) < 75
    before = dump(database)

    done: list[int] = []
    while plans := [plan for plan in run("fix", "plan", "--json", "--feeds", feeds).json() if plan["repair"]]:
        made = run("fix", "apply", plans[0]["repair"], "--no-snapshot", "--json").json()
        assert made[0]["state"] == "applied"
        done.append(made[0]["repair"])

    assert score(run) >= 95
    with database.begin() as connection:
        assert connection.execute(COPIES).scalar() == 0
        assert connection.execute(IDLE).scalar() == 0
    assert run("fix", "undo", *done).code == 0
    assert _schema(dump(database)) == _schema(before)


COPIES = text("select count(*) - count(distinct (match_date, home_team, away_team)) from schedule")
IDLE = text("""
select count(*) from teams where id not in (select home_team_id from schedule where home_team_id is not null
                                            union select away_team_id from schedule where away_team_id is not null)
""")


def _schema(text: str) -> str:
    """A dump without the history of the checks that ran in between."""
    return text[: text.index("quality.check_")] if "quality.check_" in text else text
