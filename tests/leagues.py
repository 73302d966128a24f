"""Leagues to measure: each with teams, players, a schedule, results and standings, and with faults of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, Inspector, Table, insert, inspect, text

from checks.engine.authoring.spec import Mark, TableName
from checks.engine.collecting.rules import Rules
from etl.tables import (
    clubs,
    import_feeds,
    import_runs,
    leagues,
    match_scores,
    player_history,
    players,
    rejects,
    schedule,
    series,
    series_stats,
    teams,
)
from tests.checks.conftest import CONSTRAINTS

TODAY = date(2024, 12, 10)
BEGIN = date(2024, 9, 10)
CLUBS, SERIES, TEAMS = 8, 2, 4
NOBODY = 999_999
"""No team, no player, no club has this id."""
FAULTS: dict[Table, tuple[dict[str, Any], ...]] = {
    teams: ({"club_id": NOBODY}, {"series_id": None}, {"team_name": "Dunes  - 1 "}, {"is_active": False}),
    players: (
        {"team_id": None}, {"team_id": 3}, {"first_name": ""}, {"pti": 400}, {"career_wins": 90}, {"wins": -1},
        {"tenniscores_player_id": "?"}, {"series_id": 2}, {"club_id": None}, {"captain_status": None},
    ),
    schedule: (
        {"home_team_id": None}, {"home_team_id": None, "away_team_id": None}, {"match_time": None}, {"location": "TBD"},
        {"match_time": time(6)}, {"away_team_id": 5}, {"away_team_id": NOBODY}, {"match_date": date(2020, 1, 1)},
        {"away_team": "Dunes - 1", "home_team": "Dunes - 1"}, {"home_team": "Dunes 1"}, {"match_date": BEGIN},
    ),
    match_scores: (
        {"winner": "away"}, {"winner": "nobody"}, {"winner": None}, {"scores": None}, {"scores": "6-7 [7-2], 6-1"},
        {"home_player_1_id": "nndz-0"}, {"home_player_2_id": None}, {"home_team_id": NOBODY}, {"match_date": None},
        {"match_date": date(2025, 3, 1)}, {"home_team": "Dunes - 1", "away_team": "Dunes - 1"}, {"away_team_id": None},
    ),
    series_stats: (
        {"team_id": None}, {"matches_percentage": "7"}, {"matches_percentage": "1.0%"}, {"points": -3},
        {"series_id": 2}, {"matches_won": 40},
    ),
    import_feeds: ({"outcome": "failed"}, {"outcome": "blocked"}, {"rejects": 30}, {"unlinked": 30}),
}  # fmt: skip
"""What may be wrong with a row."""


def fill(engine: Engine, number: int) -> None:
    """Write as many leagues; constraints that would refuse their faults are dropped. The same number, the same rows."""
    started = datetime.combine(TODAY, time(5), UTC)
    with engine.begin() as connection:
        for statement in connection.scalars(CONSTRAINTS).all():
            connection.exec_driver_sql(statement)
        connection.execute(insert(clubs), [{"name": f"Club {n}"} for n in range(1, CLUBS + 1)])
        connection.execute(insert(series), [{"name": f"Series {n}"} for n in range(1, SERIES + 1)])
        connection.execute(insert(import_runs).values(started_at=started, outcome="published", paths=[]))
        for table, rows in _tables(number).items():
            connection.execute(insert(table), rows)
        connection.execute(text("analyze"))


def _tables(number: int) -> dict[Table, list[dict[str, Any]]]:
    found: dict[Table, list[dict[str, Any]]] = {}
    for league in range(1, number + 1):
        chance = Random(league)  # noqa: S311 - sample data
        for table, row in _league(league, chance):
            found.setdefault(table, []).extend(_as_it_came(table, row, chance, share=league % 10 / 50))
    return found


def _as_it_came(table: Table, row: dict[str, Any], chance: Random, share: float) -> Iterator[dict[str, Any]]:
    """The row, with a fault as often as `share` says, and now and then twice."""
    wrong = chance.choice(FAULTS[table]) if table in FAULTS and chance.random() < share else {}
    yield row | wrong
    if table in {schedule, match_scores, series_stats} and chance.random() < share / 4:
        yield row


def _league(league: int, chance: Random) -> Iterator[tuple[Table, dict[str, Any]]]:
    yield leagues, {"league_id": f"L{league}", "league_name": f"League {league}"}
    own = [_team(league, number) for number in range(SERIES * TEAMS)]
    for team in own:
        yield teams, team
        yield from _people(team)
        yield series_stats, _standing(team)
    for home in own:
        for away in own:
            if home["series_id"] == away["series_id"] and home is not away:
                yield from _meeting(home, away, BEGIN + timedelta(weeks=chance.randrange(20)), chance)
    yield from _feed(league)


def _team(league: int, number: int) -> dict[str, Any]:
    place = {"league_id": league, "series_id": number // TEAMS + 1, "club_id": number % CLUBS + 1}
    name = f"Club {place['club_id']} - {place['series_id']}"
    return {"id": (league - 1) * SERIES * TEAMS + number + 1, "team_name": name, **place, "is_active": True}


def _people(team: dict[str, Any]) -> Iterator[tuple[Table, dict[str, Any]]]:
    place = {name: team[name] for name in ("league_id", "series_id", "club_id")} | {"team_id": team["id"]}
    for number in (1, 2):
        person = 2 * team["id"] + number - 2
        record = {"wins": 3, "losses": 1, "win_percentage": 75, "career_wins": 30, "career_matches": 50, "pti": 40}
        names = {"first_name": f"First {person}", "last_name": "Last", "email": None, "captain_status": "C"}
        yield players, {"id": person + 1, "tenniscores_player_id": _player(team, number), **place, **record, **names}
        history = {"date": BEGIN, "end_pti": 40, "series": f"Series {team['series_id']}"}
        yield player_history, {"player_id": person + 1, "league_id": team["league_id"], **history}


def _player(team: dict[str, Any], number: int) -> str:
    return f"nndz-{10 * team['id'] + number:016x}"


def _standing(team: dict[str, Any]) -> dict[str, Any]:
    figures = {"points": 10, "matches_won": 3, "matches_lost": 1, "matches_tied": 0, "matches_percentage": "75.0%"}
    place = {"league_id": team["league_id"], "series_id": team["series_id"], "team_id": team["id"]}
    return {"series": f"Series {team['series_id']}", "team": team["team_name"], **place, **figures}


def _meeting(
    home: dict[str, Any], away: dict[str, Any], day: date, chance: Random
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """A fixture, and when it is over two lines of it."""
    sides = {
        "home_team": home["team_name"], "away_team": away["team_name"], "home_team_id": home["id"],
        "away_team_id": away["id"], "league_id": home["league_id"], "match_date": day,
    }  # fmt: skip
    yield schedule, {**sides, "match_time": time(18, 30), "location": f"Club {home['club_id']}"}
    for _ in range(2 if day < TODAY else 0):
        seats = {f"{side}_player_{n}_id": _player(team, n) for side, team in (("home", home), ("away", away))
                 for n in (1, 2)}  # fmt: skip
        score = {"scores": f"6-{chance.randrange(5)}, 6-{chance.randrange(5)}", "winner": "home"}
        yield match_scores, {**sides, **seats, **score}


def _feed(league: int) -> Iterator[tuple[Table, dict[str, Any]]]:
    """What the last import said of the league's schedule, and a row of it that was refused."""
    moment = datetime.combine(TODAY, time(5), UTC)
    counts = {"rows": 100, "records": 100, "rejects": 0, "linked": 200, "unlinked": 0}
    what = {"path": f"L{league}/schedules.json", "kind": "schedules", "league": f"L{league}", "outcome": "published"}
    yield import_feeds, {"run_id": 1, **what, **counts, "started_at": moment, "finished_at": moment}
    yield rejects, {"feed_id": league, "index": 7, "reason": "the date is missing", "raw": "{}"}


def of_the_site_alone(engine: Engine, rules: Rules) -> set[str]:
    """The rules about tables, or columns of them, that only the platform's site has and that are missing here."""
    database = inspect(engine)
    return {name for name, check in rules.items() if _lacks(database, check.mark)}


def _lacks(database: Inspector, mark: Mark) -> bool:
    if not isinstance(mark.table, TableName) or not mark.table.optional:
        return False
    name = mark.table.parts[1]
    columns = {column["name"] for column in database.get_columns(name)} if database.has_table(name) else set()
    return not columns or not columns.issuperset(mark.columns)
