"""The sample season: what the demo promises of it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Never

import pytest
import typer
from typer.testing import CliRunner

from flows.cli import setup
from flows.service.demo import CNSWPL, Season, season

TODAY = date(2025, 3, 3)


@pytest.fixture(scope="module")
def sample() -> Season:
    return season(TODAY)


def test_the_same_arguments_give_the_same_season(sample: Season) -> None:
    assert season(TODAY) == sample


def test_two_leagues_have_three_hundred_teams(sample: Season) -> None:
    assert sample.teams == len(sample.standings) == 300
    assert len({row["league_id"] for row in sample.standings}) == 2


def test_every_practice_was_scraped_twice(sample: Season) -> None:
    practices = Counter(tuple(row.items()) for row in sample.schedules if "Practice" in row)

    assert len(practices) == 2058
    assert set(practices.values()) == {2}


def test_half_of_a_league_is_named_otherwise_in_the_schedule(sample: Season) -> None:
    names = {row["home_team"] for row in sample.schedules if row.get("series") == "Chicago 11"}

    assert all(name.endswith(" - 11 (Division 11)") for name in names)


def test_every_team_meets_every_other_of_its_series_twice(sample: Season) -> None:
    played = Counter(
        frozenset((row["home_team"], row["away_team"])) for row in sample.schedules if row.get("League") == CNSWPL
    )

    assert set(played.values()) == {2}


def test_standings_follow_from_the_matches_held(sample: Season) -> None:
    held = Counter(
        name
        for row in sample.schedules
        if row.get("League") == CNSWPL and _day(row["date"]) < TODAY
        for name in (row["home_team"], row["away_team"])
    )
    for row in sample.standings:
        if row["league_id"] == CNSWPL:
            counted = sum(row["matches"][key] for key in ("won", "lost", "tied"))
            assert counted == held[f"{row['team']} - {row['series']}"]


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def test_the_demo_is_played_on_the_day_where_the_leagues_play(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the host's day its runs are about another day for some hours of each night, and compared with nothing."""
    days: list[date] = []

    def played(_settings: object, today: date, _tell: object) -> Never:
        days.append(today)
        raise typer.Exit

    monkeypatch.setattr(setup, "play", played)
    app = typer.Typer()
    app.command()(setup.demo)

    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: never the same day
        monkeypatch.setenv("RALLY_TIMEZONE", zone)
        CliRunner().invoke(app)

    assert days[0] > days[1]
