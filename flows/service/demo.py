"""The incident of 2025 on a generated season: the damage, what the rules say of it, and what a proper import makes.

The season has two leagues, three hundred teams, double round robins, and standings that follow from the results. Its
feeds have the oddities that caused the incident: half of APTA's series are named "(Division n)" in the schedule only,
and every practice time was scraped twice. The old loader is played as it was: the table had no key, names were looked
up letter by letter, so that "Birchwood - 11 (Division 11)" found no team, and a batch that met an error was dropped
and the error suppressed, so that the teams of whole series ended without a schedule.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text

from checks.engine.reporting.report import Report
from checks.repairs.plan import fixable_in_order
from etl.importing import ImportReport
from etl.repairs.ledger import Repair
from etl.tables import leagues, schedule, teams
from flows.service.catalogue import rules_of
from flows.service.context import Invocation, open_engine
from flows.service.health_check import check_health
from flows.service.import_feeds import import_all
from flows.service.repair import apply_plan, plan_repairs
from flows.service.requests import CheckRequest, ImportRequest
from flows.settings import Settings

APTA, CNSWPL = "APTA_CHICAGO", "CNSWPL"
SERIES = {APTA: 20, CNSWPL: 10}
TEAMS_PER_SERIES = 10
RENAMED_FROM = 11
"""APTA's series from here on carry " (Division n)" in the schedule."""
PRACTICING_TEAMS, PRACTICES = 98, 21  # 98 x 21 = 2,058
COURTS = 4
SQUAD = 8
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va")
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
    players: tuple[dict[str, Any], ...]
    schedules: tuple[dict[str, Any], ...]
    teams: int


def season(today: date, *, seed: int = 2025) -> Season:
    """A season that began 15 weeks before `today`, or in September; the same arguments give the same rows."""
    chance = random.Random(seed)  # noqa: S311 - sample data
    september = date(today.year if today.month >= 9 else today.year - 1, 9, 1)
    begin = max(today - timedelta(weeks=15), september)
    standings: list[dict[str, Any]] = []
    players: list[dict[str, Any]] = []
    schedules: list[dict[str, Any]] = []
    practicing: list[Club] = []
    for league, count in SERIES.items():
        for number in range(1, count + 1):
            teams = _teams(league, number, chance)
            fixtures = list(_fixtures(teams, begin + timedelta(days=number % 5)))
            schedules += [_fixture_row(*fixture) for fixture in fixtures]
            standings += _standings(teams, [pair[:2] for pair in fixtures if pair[2] < today], chance)
            players += [_player_row(team, number) for team in teams for number in range(SQUAD)]
            practicing += teams if league == APTA else []
    for team in practicing[:PRACTICING_TEAMS]:
        schedules += 2 * [_practice_row(team, begin + timedelta(weeks=week, days=5)) for week in range(PRACTICES)]
    return Season(tuple(standings), tuple(players), tuple(schedules), TEAMS_PER_SERIES * sum(SERIES.values()))


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


def _player_row(team: Club, number: int) -> dict[str, Any]:
    """A player of a team with an invented name; the first one is its captain."""
    digest = md5(f"{team.name} {team.series} {number}".encode(), usedforsecurity=False).hexdigest()
    name = "".join(SYLLABLES[int(digit, 16)] for digit in digest[:8])
    return {
        "League": team.league, "Series": team.series, "Team": team.name, "Club": team.club,
        "Player ID": f"nndz-{digest[:16]}", "First Name": name[:6].capitalize(), "Last Name": name[6:].capitalize(),
        "PTI": f"{20 + int(digest[-2:], 16) / 10:.1f}", "Wins": "0", "Losses": "0", "Win %": "0.0%",
        "Captain": "" if number else "C",
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


KEYS = ("unique_schedule_match", "schedule_team_id_not_null", "schedule_no_self_match")
LOST_SERIES = frozenset({"Chicago 2", "Chicago 4", "Chicago 6", "Chicago 8", "Chicago 10", "Chicago 16", "Chicago 18"})


def load_as_in_2025(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Drop the keys of `schedule` and insert the feed's rows as the old loader did; returns how many."""
    for key in KEYS:
        connection.execute(text(f"alter table schedule drop constraint if exists {key}"))
    league_ids = {row.league_id: row.id for row in connection.execute(select(leagues.c.league_id, leagues.c.id))}
    known = {(row.league_id, row.team_name): row.id for row in connection.execute(select(teams))}
    kept = [row for row in rows if "Practice" in row or row["series"] not in LOST_SERIES]
    values = [_practice(row) if "Practice" in row else _fixture(row, league_ids, known) for row in kept]
    connection.execute(insert(schedule), values)
    return len(values)


def _fixture(row: dict[str, Any], league_ids: dict[str, int], known: dict[tuple[int, str], int]) -> dict[str, Any]:
    league = league_ids[row["League"]]
    home, away = (
        known.get((league, row[side].removesuffix(f" - {row['series']}"))) for side in ("home_team", "away_team")
    )
    return _row(row, row["home_team"], row["away_team"]) | {
        "league_id": league, "home_team_id": home, "away_team_id": away,
        "location": row["location"],
    }  # fmt: skip


def _practice(row: dict[str, Any]) -> dict[str, Any]:
    nothing = dict.fromkeys(("league_id", "home_team_id", "away_team_id", "location"))
    return _row(row, f"{row['Practice']} Practice - {row['Series']}", "") | nothing


def _row(row: dict[str, Any], home: str, away: str) -> dict[str, Any]:
    moment = datetime.strptime(f"{row['date']} {row['time']}", "%m/%d/%Y %I:%M %p")  # noqa: DTZ007 - a local date and time
    return {"match_date": moment.date(), "match_time": moment.time(), "home_team": home, "away_team": away}


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo saw: the rules before and after the import, the import, the repairs, and the rules in the end."""

    before: Report
    imported: ImportReport
    after: Report
    repairs: tuple[Repair, ...]
    healed: Report


def play(settings: Settings, today: date, tell: Callable[[str], None]) -> Story:
    """Play the demo in an embedded database of its own, below `settings.data`, made anew each time."""
    home = settings.data / "demo"
    shutil.rmtree(home / "feeds", ignore_errors=True)
    demo_settings = settings.model_copy(update={"database_url": None, "data": home})
    demo = Invocation(demo_settings)
    sample = season(today)
    standings, players, schedules = write_feeds(sample, home / "feeds")
    with open_engine(demo_settings) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("drop schema public, quality cascade; create schema public")
        tell(f"A season of {sample.teams} teams, {len(sample.schedules):,} schedule rows, as the old loader left it:")
        import_all(demo, ImportRequest(paths=(standings, players)))
        with engine.begin() as connection:
            load_as_in_2025(connection, sample.schedules)
        before = check_health(demo, CheckRequest(today=today, alert=False))
        tell("The same feeds, imported as they should be:")
        imported = import_all(demo, ImportRequest(paths=(standings, players, schedules)))
        after = check_health(demo, CheckRequest(today=today, alert=False))
        tell("What an import does not touch, repaired by plans that can be undone:")
        repairs = tuple(repair_all(engine, demo_settings))
        return Story(before, imported, after, repairs, check_health(demo, CheckRequest(today=today, alert=False)))


def repair_all(engine: Engine, settings: Settings) -> Iterator[Repair]:
    """Plan and apply one fix after another, as `fix plan` and `fix apply` do."""
    rules = rules_of(settings)
    for check in fixable_in_order(rules):
        (plan,) = plan_repairs(engine, rules, [check.name])
        if plan.repair and not plan.repair.proposal:
            yield apply_plan(engine, settings, plan.repair.id)


def write_feeds(sample: Season, folder: Path) -> tuple[Path, Path, Path]:
    """Write the season's feeds as scraped JSON: standings, players and schedules."""
    folder = folder / "all"
    folder.mkdir(parents=True)
    paths = folder / "series_stats.json", folder / "players.json", folder / "schedules.json"
    for path, rows in zip(paths, (sample.standings, sample.players, sample.schedules), strict=True):
        path.write_text(json.dumps(rows, indent=1))
    return paths
