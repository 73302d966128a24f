"""Our import against a hand-written floor (parse, COPY, MERGE, nothing else) and against row-by-row upserts.

All on one server in one run, each in a database and a process of its own; the figures to read are the ratios.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from etl.database import open_engine
from etl.embedded import running
from etl.importing.batch import import_paths
from etl.importing.options import Options
from etl.migrate import upgrade

ROWS = int(os.environ.get("BENCH_ROWS", "1_000_000"))
SERIES, TEAMS = 40, 10
SLOW_ROWS = 20_000  # row by row, a million would take a quarter of an hour
COLUMNS = ("date", "time", "home_team", "away_team", "location")

STAGE = "create temp table stage (date text, time text, home_team text, away_team text, location text) on commit drop"
MERGE = """
merge into schedule t using (
  select to_date(date, 'MM/DD/YYYY') as match_date, to_timestamp(time, 'HH12:MI am')::time as match_time,
         home_team, away_team, location, (select id from leagues) as league_id from stage
) s on t.match_date = s.match_date and t.home_team = s.home_team and t.away_team = s.away_team
   and t.league_id = s.league_id
when matched and (t.match_time, t.location) is distinct from (s.match_time, s.location)
  then update set match_time = s.match_time, location = s.location
when not matched then insert
  (match_date, match_time, home_team, away_team, location, league_id, home_team_id, away_team_id)
  values (s.match_date, s.match_time, s.home_team, s.away_team, s.location, s.league_id, 1, 2)
"""
UPSERT = """
insert into schedule (match_date, match_time, home_team, away_team, location, league_id, home_team_id, away_team_id)
select to_date(%s, 'MM/DD/YYYY'), to_timestamp(%s, 'HH12:MI am')::time, %s, %s, %s, (select id from leagues), 1, 2
on conflict on constraint unique_schedule_match do update
  set match_time = excluded.match_time, location = excluded.location
"""


def main() -> None:
    """Run every contender and print seconds, ratios to the floor and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        standings, schedules = _write(home)
        size = schedules.stat().st_size / 2**20
        print(f"import of {ROWS:,} schedule rows ({size:.0f} MB of JSON)")  # noqa: T201
        with running(home / "server") as url:
            template = _database(url, "template", None)
            _in_process(_ours, template, standings, False)
            _compare(url, schedules)


def _compare(url: str, schedules: Path) -> None:
    floor, ours = _database(url, "floor", "template"), _database(url, "ours", "template")
    slow = _database(url, "slow", "template")
    base = _in_process(_floor, floor, schedules)
    _settle(floor)
    again = _in_process(_floor, floor, schedules)
    _line("floor, fresh", base, base)
    _line("floor, the same feed again", again, again)
    _line("ours, fresh", _in_process(_ours, ours, schedules, False), base)
    _settle(ours)
    _line("ours, the same feed again (--force)", _in_process(_ours, ours, schedules, True), again)
    _line("ours, skipped by its fingerprint", _in_process(_ours, ours, schedules, False), base)
    seconds, memory = _in_process(_row_by_row, slow, schedules)
    _line("row by row in batches of 100 (from 2 % of the rows)", (seconds * ROWS / SLOW_ROWS, memory), base)


def _settle(url: str) -> None:
    """Do at once what the server would do by itself in the middle of the next run, or between two nights."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze schedule")
        connection.execute("checkpoint")


def _line(name: str, found: tuple[float, float], base: tuple[float, float]) -> None:
    print(f"{name:52} {found[0]:8.2f} s  {found[0] / base[0]:7.3f} x  {found[1]:6.0f} MB at most")  # noqa: T201


def _floor(url: str, path: Path) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        rows = json.loads(path.read_bytes())
        cursor.execute(STAGE)
        with cursor.copy("copy stage from stdin") as copy:
            for row in rows:
                copy.write_row([row[name] for name in COLUMNS])
        cursor.execute(MERGE)


def _ours(url: str, path: Path, force: bool) -> None:
    engine = open_engine(url)
    report = import_paths(engine, [path], Options(force=force))
    engine.dispose()
    if report.feeds[0].reasons and "unchanged" not in report.feeds[0].reasons[0]:
        raise RuntimeError(report.feeds[0].reasons[0])


def _row_by_row(url: str, path: Path) -> None:
    rows = json.loads(path.read_bytes())[:SLOW_ROWS]
    with psycopg.connect(url) as connection:
        for begin in range(0, len(rows), 100):
            for row in rows[begin : begin + 100]:
                connection.execute(UPSERT, [row[name] for name in COLUMNS])
            connection.commit()


def _in_process(work: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """Seconds of the work and peak memory in MB of a process of its own; its start is not counted."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (work, arguments))


def _measured(work: Callable[..., None], arguments: tuple[Any, ...]) -> tuple[float, float]:
    begun = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _database(url: str, name: str, template: str | None) -> str:
    """Make a database and return its URL, migrated where it has no template."""
    own = make_url(url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute(f"create database {name}" + (f" template {template}" if template else ""))
    if template is None:
        engine = open_engine(own)
        upgrade(engine)
        engine.dispose()
    return _plain(own)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _write(folder: Path) -> tuple[Path, Path]:
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
        for number, row in enumerate(_fixtures(teams)):  # written as it comes: a child's peak starts at its parent's
            file.write(",\n" + row if number else row)
        file.write("]")
    return paths


def _fixtures(teams: list[tuple[str, str]]) -> Iterator[str]:
    pairs = [
        (series, home, away) for series, home in teams for other, away in teams if series == other and home != away
    ]
    for number in range(ROWS):
        series, home, away = pairs[number % len(pairs)]
        day = date(2020, 1, 1) + timedelta(days=number // len(pairs))
        yield json.dumps({
            "date": f"{day:%m/%d/%Y}", "time": "06:30 pm", "home_team": home, "away_team": away,
            "location": home.split(" - ")[0], "series": series, "League": "APTA_CHICAGO",
        })  # fmt: skip


if __name__ == "__main__":
    main()
