"""A league with a schedule of any length, written as the feeds are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

SERIES, TEAMS = 40, 10


def write(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write standings and so many rows of schedules; returns the paths of both feeds."""
    teams = [
        (f"Chicago {series}", f"Club {team} - {series}") for series in range(1, SERIES + 1) for team in range(TEAMS)
    ]
    figures = {"won": 1, "lost": 1, "percentage": "50.0%"}
    standings = [
        {"series": series, "team": team, "league_id": "APTA_CHICAGO", "points": 1, "matches": figures | {"tied": 0},
         "lines": figures | {"for": 0, "ret": 0}, "sets": figures, "games": figures}
        for series, team in teams
    ]  # fmt: skip
    paths = folder / "APTA_CHICAGO" / "series_stats.json", folder / "APTA_CHICAGO" / "schedules.json"
    paths[0].parent.mkdir()
    paths[0].write_text(json.dumps(standings))
    with paths[1].open("w") as file:
        file.write("[")
        # written as it comes: a child's peak starts at its parent's
        for number, row in enumerate(_fixtures(teams, rows)):
            file.write(",\n" + row if number else row)
        file.write("]")
    return paths


def _fixtures(teams: list[tuple[str, str]], rows: int) -> Iterator[str]:
    pairs = [
        (series, home, away) for series, home in teams for other, away in teams if series == other and home != away
    ]
    for number in range(rows):
        series, home, away = pairs[number % len(pairs)]
        day = date(2020, 1, 1) + timedelta(days=number // len(pairs))
        yield json.dumps({
            "date": f"{day:%m/%d/%Y}", "time": "06:30 pm", "home_team": home, "away_team": away,
            "location": home.split(" - ")[0], "series": series, "League": "APTA_CHICAGO",
        })  # fmt: skip
