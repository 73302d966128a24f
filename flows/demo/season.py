"""Generates a season: two leagues, three hundred teams, double round robins, standings that follow from the results.

The feeds have the oddities that caused the incident of 2025: half of APTA's series are named "(Division n)" in the
schedule only, and every practice time was scraped twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

APTA, CNSWPL = "APTA_CHICAGO", "CNSWPL"
SERIES = {APTA: 20, CNSWPL: 10}
TEAMS_PER_SERIES = 10
RENAMED_FROM = 11
"""APTA's series from here on carry " (Division n)" in the schedule."""
PRACTICING_TEAMS, PRACTICES = 98, 21  # 98 x 21 = 2,058
COURTS = 4
CLUBS = (
    "Birchwood", "Briarwood", "Cedar Lake", "Dunes", "Edgemoor", "Fairview", "Glen Arbor", "Harbor Point",
    "Indian Creek", "Juniper Hill", "Kenwood", "Lakeside PD", "Maple Grove CC", "North Bluff", "Oak Ridge",
    "Pine Valley", "Quarry Lane", "Ravine", "Saddle Creek", "Tower Road", "Union Park", "Valley View", "Westfield",
    "Willow Bend",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Club:
    """A team of a series, under its names in the standings and in the schedule."""

    league: str
    series: str
    club: str
    name: str
    scheduled_as: str


@dataclass(slots=True)
class Record:
    """What a team has won and lost so far."""

    matches: list[int] = field(default_factory=lambda: [0, 0, 0])
    lines: list[int] = field(default_factory=lambda: [0, 0])
    sets: list[int] = field(default_factory=lambda: [0, 0])
    games: list[int] = field(default_factory=lambda: [0, 0])


@dataclass(frozen=True, slots=True)
class Season:
    """Feed rows by kind, ready to be written as JSON."""

    standings: tuple[dict[str, Any], ...]
    schedules: tuple[dict[str, Any], ...]
    teams: int


def season(today: date, *, seed: int = 2025) -> Season:
    """A season that began 15 weeks before `today`, or in September; the same arguments give the same rows."""
    chance = random.Random(seed)  # noqa: S311 - sample data
    september = date(today.year if today.month >= 9 else today.year - 1, 9, 1)
    begin = max(today - timedelta(weeks=15), september)
    standings: list[dict[str, Any]] = []
    schedules: list[dict[str, Any]] = []
    practicing: list[Club] = []
    for league, count in SERIES.items():
        for number in range(1, count + 1):
            teams = _teams(league, number, chance)
            fixtures = list(_fixtures(teams, begin + timedelta(days=number % 5)))
            schedules += [_fixture_row(*fixture) for fixture in fixtures]
            standings += _standings(teams, [pair[:2] for pair in fixtures if pair[2] < today], chance)
            practicing += teams if league == APTA else []
    for team in practicing[:PRACTICING_TEAMS]:
        schedules += 2 * [_practice_row(team, begin + timedelta(weeks=week, days=5)) for week in range(PRACTICES)]
    return Season(tuple(standings), tuple(schedules), TEAMS_PER_SERIES * sum(SERIES.values()))


def _teams(league: str, number: int, chance: random.Random) -> list[Club]:
    clubs = sorted(chance.sample(CLUBS, TEAMS_PER_SERIES))
    if league == CNSWPL:
        names = [(club, f"{club} {number}", f"{club} {number} - Series {number}") for club in clubs]
        return [Club(league, f"Series {number}", *name) for name in names]
    suffix = f" (Division {number})" if number >= RENAMED_FROM else ""
    return [
        Club(league, f"Chicago {number}", club, f"{club} - {number}", f"{club} - {number}{suffix}") for club in clubs
    ]


def _fixtures(teams: list[Club], begin: date) -> Iterator[tuple[Club, Club, date]]:
    """A double round robin by the circle method, one round a week."""
    fixed, *ring = teams
    for week in range(2 * len(ring)):
        line = [fixed, *ring]
        pairs = zip(line[: len(line) // 2], reversed(line[len(line) // 2 :]), strict=True)
        for one, other in pairs:
            home, away = (one, other) if week < len(ring) else (other, one)
            yield home, away, begin + timedelta(weeks=week)
        ring = ring[1:] + ring[:1]


def _fixture_row(home: Club, away: Club, day: date) -> dict[str, Any]:
    return {
        "date": f"{day:%m/%d/%Y}", "time": "06:30 pm", "home_team": home.scheduled_as,
        "away_team": away.scheduled_as, "location": home.club, "series": home.series, "League": home.league,
    }  # fmt: skip


def _practice_row(team: Club, day: date) -> dict[str, Any]:
    return {"date": f"{day:%m/%d/%Y}", "time": "10:30 AM", "Practice": team.club, "Series": team.series}


def _standings(teams: list[Club], played: list[tuple[Club, Club]], chance: random.Random) -> list[dict[str, Any]]:
    records = {team.name: Record() for team in teams}
    for home, away in played:
        _play(records[home.name], records[away.name], chance)
    rows = [_standing_row(team, records[team.name]) for team in teams]
    return sorted(rows, key=lambda row: -row["points"])


def _play(home: Record, away: Record, chance: random.Random) -> None:
    won = sum(_play_line(home, away, chance) for _ in range(COURTS))
    place = 0 if won > COURTS / 2 else 1 if won < COURTS / 2 else 2
    home.matches[place] += 1
    away.matches[(1, 0, 2)[place]] += 1


def _play_line(home: Record, away: Record, chance: random.Random) -> bool:
    """One court: two sets to six games, won by one side."""
    home_wins = chance.random() < 0.5
    winner, loser = (home, away) if home_wins else (away, home)
    games = chance.randrange(5) + chance.randrange(5)
    for record, place, lost in ((winner, 0, games), (loser, 1, games)):
        record.lines[place] += 1
        record.sets[place] += 2
        record.games[place] += 12
        record.games[1 - place] += lost
    return home_wins


def _standing_row(team: Club, record: Record) -> dict[str, Any]:
    won, lost, tied = record.matches
    lines = {"won": record.lines[0], "lost": record.lines[1], "for": 0, "ret": 0}
    return {
        "series": team.series, "team": team.name, "league_id": team.league, "points": record.lines[0],
        "matches": {"won": won, "lost": lost, "tied": tied, "percentage": _share(won, won + lost + tied)},
        "lines": lines | {"percentage": _rate(record.lines)},
        "sets": {"won": record.sets[0], "lost": record.sets[1], "percentage": _rate(record.sets)},
        "games": {"won": record.games[0], "lost": record.games[1], "percentage": _rate(record.games)},
    }  # fmt: skip


def _rate(pair: list[int]) -> str:
    return _share(pair[0], sum(pair))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "0.0%"
