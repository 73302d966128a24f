"""Our import against a hand-written floor (parse, COPY, MERGE, nothing else) and against row-by-row upserts.

The floor looks up each row's teams by a name that fits to the letter, and writes the same rows as our import, which is
verified. What it takes when it writes the same two teams into every row stands beside it: that are other rows, whose
foreign keys and indexes meet the same two again and again.
All on one server in one run, each in a database and a process of its own, in turns, three rounds; the seconds are
medians, and the figures to read are their ratios.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from etl.database import open_engine
from etl.embedded import running
from etl.importing.import_run import import_paths
from etl.importing.options import Options
from tests.benchmarks.bench_checks import database_named, plain_url
from tests.benchmarks.long_feed import write

ROWS = int(os.environ.get("BENCH_ROWS", "1_000_000"))
ROUNDS = 3
SLOW_ROWS = 20_000  # row by row, a million would take a quarter of an hour
AGAIN = "the same feed again"
COLUMNS = ("date", "time", "home_team", "away_team", "location")

STAGE = "create temp table stage (date text, time text, home_team text, away_team text, location text) on commit drop"
MERGE = """
merge into schedule t using (
  select to_date(date, 'MM/DD/YYYY') as match_date, to_timestamp(time, 'HH12:MI am')::time as match_time,
         home_team, away_team, location, (select id from leagues) as league_id, {teams}
) s on t.match_date = s.match_date and t.home_team = s.home_team and t.away_team = s.away_team
   and t.league_id = s.league_id
when matched and (t.match_time, t.location) is distinct from (s.match_time, s.location)
  then update set match_time = s.match_time, location = s.location
when not matched then insert
  (match_date, match_time, home_team, away_team, location, league_id, home_team_id, away_team_id)
  values (s.match_date, s.match_time, s.home_team, s.away_team, s.location, s.league_id, s.home, s.away)
"""
SAME_TEAMS = "1 as home, 2 as away from stage"
OWN_TEAMS = """home.id as home, away.id as away
from stage join teams home on home.team_name = home_team join teams away on away.team_name = away_team"""
UPSERT = """
insert into schedule (match_date, match_time, home_team, away_team, location, league_id, home_team_id, away_team_id)
select to_date(%s, 'MM/DD/YYYY'), to_timestamp(%s, 'HH12:MI am')::time, %s, %s, %s, (select id from leagues), 1, 2
on conflict on constraint unique_schedule_match do update
  set match_time = excluded.match_time, location = excluded.location
"""

WRITTEN = """
select count(*), sum(hashtextextended((match_date, match_time, home_team, away_team, home_team_id, away_team_id,
                                       location, league_id)::text, 0)) from schedule
"""

Figures = tuple[float, float]
"""Seconds, and MB of memory at most."""


def main() -> None:
    """Run every contender and print seconds, ratios to the floor and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        standings, schedules = write(home, ROWS)
        size = schedules.stat().st_size / 2**20
        print(f"import of {ROWS:,} schedule rows ({size:.0f} MB of JSON)")  # noqa: T201
        with running(home / "server") as url:
            template = database_named(url, "template")
            _in_process(_ours, template, standings, False)
            _compare(url, schedules)
            _guards(url, schedules)


def _compare(url: str, schedules: Path) -> None:
    found: dict[str, list[Figures]] = defaultdict(list)
    for number in range(ROUNDS):
        for name, figures in _round(url, schedules, number):
            found[name].append(figures)
    fresh, again, *_ = (median(seconds for seconds, _ in rounds) for rounds in found.values())
    for name, rounds in found.items():
        _line(name, rounds, again if AGAIN in name else fresh)


def _round(url: str, schedules: Path, number: int) -> Iterator[tuple[str, Figures]]:
    names = ("floor", "other", "ours", "slow")
    floor, other, ours, slow = (plain_url(database_named(url, f"{name}_{number}", "template")) for name in names)
    yield "floor, fresh", _in_process(_floor, floor, schedules, OWN_TEAMS)
    _settle(floor)
    yield f"floor, {AGAIN}", _in_process(_floor, floor, schedules, OWN_TEAMS)
    yield "floor with the same two teams in every row, fresh", _in_process(_floor, other, schedules, SAME_TEAMS)
    yield "ours, fresh", _in_process(_ours, ours, schedules, False)
    if _written(floor) != _written(ours):
        raise RuntimeError("the floor and ours wrote other rows")
    _settle(ours)
    yield f"ours, {AGAIN} (--force)", _in_process(_ours, ours, schedules, True)
    yield "ours, skipped by its fingerprint", _in_process(_ours, ours, schedules, False)
    seconds, memory = _in_process(_row_by_row, slow, schedules)
    yield "row by row in batches of 100 (from 2 % of the rows)", (seconds * ROWS / SLOW_ROWS, memory)


def _guards(url: str, schedules: Path) -> None:
    """What the change profile and its guards cost of an import: fresh, the same again, 3 % of the rows changed."""
    engine = open_engine(database_named(url, "guards", "template"))
    for name, force in (("fresh", False), (AGAIN, True), ("3 % of its rows changed", False)):
        if "changed" in name:
            rows = json.loads(schedules.read_bytes())
            for row in rows[:: len(rows) // (3 * len(rows) // 100)]:
                row["time"] = "06:45 pm"
            schedules.write_text(json.dumps(rows))
        (feed,) = import_paths(engine, [schedules], Options(force=force)).feeds
        spent, whole = feed.seconds["profile"], sum(feed.seconds.values())
        print(f"guards, {name:44} {spent:8.2f} s  {spent / whole:7.1%} of the import")  # noqa: T201
    engine.dispose()


def _written(url: str) -> Sequence[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(WRITTEN).fetchall()


def _settle(url: str) -> None:
    """Do at once what the server would do by itself in the middle of the next run, or between two nights."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze schedule")
        connection.execute("checkpoint")


def _line(name: str, rounds: Sequence[Figures], base: float) -> None:
    seconds, memory = median(seconds for seconds, _ in rounds), max(memory for _, memory in rounds)
    print(f"{name:52} {seconds:8.2f} s  {seconds / base:7.3f} x  {memory:6.0f} MB at most")  # noqa: T201


def _floor(url: str, path: Path, teams: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        rows = json.loads(path.read_bytes())
        cursor.execute(STAGE)
        with cursor.copy("copy stage from stdin") as copy:
            for row in rows:
                copy.write_row([row[name] for name in COLUMNS])
        cursor.execute(MERGE.format(teams=teams))


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


def _in_process(work: Callable[..., None], *arguments: Any) -> Figures:
    """Seconds of the work and peak memory in MB of a process of its own; its start is not counted."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (work, arguments))


def _measured(work: Callable[..., None], arguments: tuple[Any, ...]) -> Figures:
    begun = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
