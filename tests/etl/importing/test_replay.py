"""The feeds of four months, imported unattended as they came: each accident held by its name, nothing good held back.

`replay_expected.txt` lists every part that is held: moment, feed, kind, league, and the guards that object.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import sqlalchemy as sa

from checks.engine.collecting.collect import collect
from checks.engine.run import Options as Checking
from checks.engine.run import Request, run_checks
from checks.scopes import SOURCES
from etl.importing import ImportReport, Outcome
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from etl.names.structure import series_key
from etl.tables import leagues, repairs, schedule, series_stats, teams
from flows.service.import_gate import rule_gate
from tests.conftest import copy_of
from tests.etl.importing.feeds import APTA, write

pytestmark = [pytest.mark.slow, pytest.mark.long]

EXPECTED = Path(__file__).with_name("replay_expected.txt")
NEW_SEASON = "2025-09-16T2356"
LATER = datetime(2025, 10, 12, 17, tzinfo=UTC)
REAL_DIRT = {
    "gap_in_league_schedule[NSTF]", "gap_in_league_schedule[CITA]", "percentage_is_a_count", "team_without_players",
    "malformed_player_id", "results_on_one_date", "team_against_itself", "player_twice_in_pair",
    "result_with_missing_player", "match_without_location", "match_without_time", "duplicate_result_without_players",
}  # fmt: skip
"""Rules that are open before the new season has come, too: CITA's feed of June has 169 results twice that its feed of
July has once.
"""
MADE_DIRT = {"result_of_unknown_player", "team_without_captain", "share_of_unlinked_sides"}
"""What only the made continuation brings: players of results who are in no roster, rosters without a captain, and open
sides of the latest feeds: 50 are the impossible rows, and its results are fewer than those of the season before.
"""


def moments(feeds: Path) -> list[Path]:
    folders = [*feeds.glob("20*"), *(feeds.parent / "rollover").glob("20*")]
    return sorted(folders, key=lambda folder: folder.name)


@pytest.fixture(scope="module")
def replayed(server: str, template: str, feeds: Path) -> Iterator[tuple[sa.Engine, dict[str, ImportReport]]]:
    """A database into which all moments were imported one after another, and what came of each."""
    gate = rule_gate(collect(SOURCES), Checking(timeout=60, details=False))
    for engine in copy_of(server, template):
        yield engine, {folder.name: import_paths(engine, [folder], Options(gate=gate)) for folder in moments(feeds)}


def held_of(reports: dict[str, ImportReport]) -> list[str]:
    return [
        f"{moment} {feed.league} {feed.kind} {part.league or '-'}: {', '.join(guards(part.reasons))}"
        for moment, report in reports.items()
        for feed in report.feeds
        for part in feed.parts
        if part.outcome is Outcome.HELD
    ]


def guards(reasons: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(reason.partition(":")[0] for reason in reasons))


def test_every_accident_is_held_by_name_and_nothing_else_is(
    replayed: tuple[sa.Engine, dict[str, ImportReport]],
) -> None:
    expected = [line for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#")]

    assert held_of(replayed[1]) == expected


def test_nothing_fails(replayed: tuple[sa.Engine, dict[str, ImportReport]]) -> None:
    assert not [feed for report in replayed[1].values() for feed in report.feeds if feed.outcome is Outcome.FAILED]


def test_every_row_is_accounted_for(replayed: tuple[sa.Engine, dict[str, ImportReport]]) -> None:
    for report in replayed[1].values():
        for feed in report.feeds:
            counts = feed.counts
            ended = counts.inserted + counts.updated + counts.unchanged + counts.duplicates + counts.held
            assert feed.outcome is Outcome.UNCHANGED or counts.rows == ended + counts.rejects, feed


def test_a_new_season_arrives_by_itself(
    replayed: tuple[sa.Engine, dict[str, ImportReport]], feeds: Path, tmp_path: Path
) -> None:
    """The standings come eight days after the schedule; then results, and rosters with impossible rows."""
    engine, _ = replayed
    rows = json.loads((feeds.parent / "rollover" / NEW_SEASON / APTA / "schedules.json").read_text())
    with engine.begin() as connection:
        fixtures = connection.execute(_fixtures(connection)).all()
    linked = sum(side is not None for row in fixtures for side in row[1:])
    score, before = looked_at(engine)
    assert len(fixtures) == len(rows)
    assert linked >= 0.99 * 2 * len(fixtures)

    names = sorted({(row[f"{side}_team"], row["series"]) for row in rows for side in ("home", "away")})
    told = [_standing(name, series) for name, series in names]
    report = import_paths(engine, [write(tmp_path, "series_stats", told)], Options())

    assert report.feeds[0].outcome is Outcome.PUBLISHED, report.feeds[0].reasons
    with engine.begin() as connection:
        apta = teams.c.league_id == _apta(connection)
        active = connection.scalar(sa.select(sa.func.count()).where(apta, teams.c.is_active.is_not(False)))
        retired = connection.scalar(sa.select(sa.func.count()).where(apta, teams.c.is_active.is_(False)))
        season = connection.scalar(
            sa.select(repairs.c.summary).where(repairs.c.kind == "season", repairs.c.summary.like("%teams%"))
        )
        stands = connection.scalar(
            sa.select(sa.func.count()).select_from(series_stats).where(series_stats.c.league_id == _apta(connection))
        )
    assert (active, stands) == (len(names), len(names))
    assert int(retired or 0) > 300
    assert season == f"{APTA}: teams of last season retired, their standings archived"

    played = [row for row in rows if _day(row) < LATER.date()]
    results = [_result(row) | {"Winner": "away", "Scores": "1-6, 2-6"} if place % 3 else _result(row)
               for place, row in enumerate(played)]  # fmt: skip
    (feed,) = import_paths(engine, [write(tmp_path, "match_history", results)], Options()).feeds
    assert (feed.outcome, feed.counts.inserted) == (Outcome.PUBLISHED, len(played)), feed.reasons

    roster = [_player(number, *names[number % len(names)]) for number in range(5_000)]
    impossible = [row | {"Team": "Nowhere 99"} if number % 100 == 0 else row for number, row in enumerate(roster)]
    report = import_paths(engine, [write(tmp_path, "players", impossible)], Options())
    assert (report.feeds[0].outcome, report.feeds[0].counts.rejects) == (Outcome.PUBLISHED, 50), report.feeds[0].reasons
    better, after = looked_at(engine)
    assert after == REAL_DIRT | MADE_DIRT
    assert before - after >= {"team_without_schedule", "gap_in_league_schedule[APTA_CHICAGO]", "fixture_without_result",
                              "team_without_standings"}  # fmt: skip
    assert better > score > 0


def looked_at(engine: sa.Engine) -> tuple[Any, set[str]]:
    """The score in October, and the rules that someone has to look at."""
    report = run_checks(engine, collect(SOURCES), Request(now=LATER))
    # how busy the machine is, is no dirt of the data
    return report.score, {result.title for result in report.trouble} - {"slow_import"}


def test_no_name_makes_two_teams_of_one(replayed: tuple[sa.Engine, dict[str, ImportReport]]) -> None:
    with replayed[0].begin() as connection:
        rows = connection.execute(sa.select(teams.c.league_id, teams.c.series_id, teams.c.team_name)).all()

    folded = Counter((row.league_id, row.series_id, series_key(row.team_name)) for row in rows)
    assert [team for team, times in folded.items() if times > 1] == []


def _day(row: dict[str, Any]) -> date:
    return datetime.strptime(row["date"], "%m/%d/%Y").replace(tzinfo=UTC).date()


def _apta(connection: sa.Connection) -> int:
    return int(connection.scalars(sa.select(leagues.c.id).where(leagues.c.league_id == APTA)).one())


def _fixtures(connection: sa.Connection) -> sa.Select[Any]:
    new = schedule.c.match_date >= date(2025, 9, 1)
    columns = (schedule.c.id, schedule.c.home_team_id, schedule.c.away_team_id)
    return sa.select(*columns).where(schedule.c.league_id == _apta(connection), new)


def _standing(team: str, series: str) -> dict[str, Any]:
    none = {"won": 0, "lost": 0, "percentage": "0.0%"}
    return {"series": series, "team": team, "league_id": APTA, "points": 0, "matches": none | {"tied": 0},
            "lines": none | {"for": 0, "ret": 0}, "sets": none, "games": none}  # fmt: skip


def _result(row: dict[str, Any]) -> dict[str, Any]:
    ids = {f"{side} Player {n} ID": f"nndz-{crc32(row[f'{side.lower()}_team'].encode()) + n:016x}"
           for side in ("Home", "Away") for n in (1, 2)}  # fmt: skip
    return {"league_id": APTA, "Date": row["date"], "Home Team": row["home_team"], "Away Team": row["away_team"],
            "series": row["series"], "Scores": "6-1, 6-2", "Winner": "home", **ids}  # fmt: skip


def _player(number: int, team: str, series: str) -> dict[str, Any]:
    club = team.rsplit(" ", 1)[0]
    return {"League": APTA, "Club": club, "Series": series, "Team": team, "Player ID": f"nndz-{number:016x}",
            "First Name": f"First{number}", "Last Name": f"Last{number}", "PTI": "30.0", "Wins": "0", "Losses": "0",
            "Win %": "0.0%", "Captain": ""}  # fmt: skip
