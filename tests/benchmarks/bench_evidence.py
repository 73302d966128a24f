"""The evidence of failing rules on half a million fixtures: the twelve usual rules, then twelve that only read a row.

The floor only counts bad rows, as an expert would type it: one fused SELECT, for the usual rules also a GROUP BY for
duplicates and two anti-joins. Ours also says which rows are bad, what is new and fixed since the last run, where they
cluster, and judges each rule per league. Both take turns on one server. Then with more than a million bad rows. Where
no row was written since the last run, the sums of very many bad rows are those of that run: both cases are printed. A
thousand fixtures that lose their time change the bad rows of rules about times alone; those of the others are known to
be the same by a hash, from the second such turn on.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import median

import psycopg
from sqlalchemy import make_url

from etl.embedded import running
from tests.benchmarks.bench_checks import FLOOR, database_named, fresh, plain_url, print_line, run_script
from tests.benchmarks.peers.contenders import Job, Work, our_checks, sql_checks

ROWS, MORE_ROWS = 500_000, 1_200_000
TURNS = 3
PLACES = """
insert into leagues (id, league_id, league_name) select n, 'LEAGUE_' || n, 'League ' || n from generate_series(1, 8) n;
insert into clubs (id, name) select n, 'Club ' || n from generate_series(1, 120) n;
insert into series (id, name) select n, 'Series ' || n from generate_series(1, 30) n;
insert into teams (id, league_id, series_id, club_id, team_name)
  select n, 1 + n % 8, 1 + n / 8 % 30, 1 + n % 113, 'Team ' || n from generate_series(1, 4000) n;
insert into quality.import_runs (started_at, outcome, paths)
  select timestamptz '2024-08-01' + n * interval '1 day', 'published', '[]' from generate_series(1, 90) n;
alter table schedule drop constraint unique_schedule_match, drop constraint schedule_team_id_not_null,
  drop constraint schedule_no_self_match;
"""
FIXTURES = """
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id,
                      created_at)
  select case when n % 19 = 0 then date '2023-09-01' else date '2024-09-01' + n % 300 end,
         case when n % 11 = 0 then null when n % 7 = 0 then time '05:00' else time '18:30' end,
         case when n % 13 = 0 then ' ' else '' end || 'Team ' || home
           || case when n % 23 = 0 then repeat(' of the club', 6) else '' end,
         'Team ' || away || case when n % 8 = 0 then ' ' else '' end,
         case when n % 10 > 0 then home end, case when n % 10 > 0 then away end,
         case when n % 5 > 0 then 'Court ' || n % 40 end, case when n % 43 > 0 then 1 + home % 8 end,
         timestamptz '2024-08-01 12:00' + n % 97 * interval '1 day'
  from (select n, 1 + n % 4000 as home, 1 + n * 7 % 4000 as away from generate_series({}, {}) n) f;
vacuum analyze;
"""
COPIES = 2000
USUAL_FIXTURES = f"""
set session_replication_role = replica;
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id,
                      created_at)
  select case when n % 19 = 0 then date '2023-09-01' else date '2024-09-01' + n % 300 end,
         case when n % 11 = 0 then null when n % 7 = 0 then time '05:00' else time '18:30' end,
         case when n % 13 = 0 then ' ' else '' end || 'Team ' || home,
         'Team ' || away || case when n % 8 = 0 then ' ' else '' end,
         home + case when n % 100 = 0 then 4000 else 0 end, away,
         case when n % 5 > 0 then 'Court ' || n % 40 end, 1 + home % 8 + case when n % 250 = 0 then 100 else 0 end,
         timestamptz '2024-08-01 12:00' + n % 97 * interval '1 day'
  from (select n, 1 + n % 4000 as home, 1 + (n + 1 + n / 4000) % 4000 as away
        from generate_series(1, {ROWS - COPIES}) n) f;
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id,
                      created_at)
  select match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id, created_at
  from schedule order by id limit {COPIES};
vacuum analyze;
checkpoint
"""


CHANGE = "update schedule set match_time = null where id % 500 = {}; vacuum analyze schedule"
Found = tuple[float, list[int]]
"""Seconds, and what was found."""


def main() -> None:
    """Print seconds and ratios; each counted run compares what it finds with the run before."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server") as server:
        url = database_named(server, "usual")
        run_script(url, PLACES + USUAL_FIXTURES)
        _compare(f"the twelve usual rules over {ROWS:,} fixtures", url, usual_floor, usual_rules)
        url = database_named(server, "season")
        run_script(url, PLACES + FIXTURES.format(1, ROWS))
        _compare(f"12 rules that read a row each over {ROWS:,} fixtures", url, floor, rules_alone)
        run_script(url, FIXTURES.format(ROWS + 1, MORE_ROWS))
        _compare(f"the same over {MORE_ROWS:,} fixtures", url, floor, rules_alone)


def _compare(what: str, url: str, counting: Callable[[str], Found], ours: Callable[[str], Found]) -> None:
    """Turns in which nothing is written, then turns that each follow a change of about a thousand fixtures."""
    fresh(ours, url)
    still = [(fresh(counting, url), fresh(ours, url)) for _ in range(TURNS)]
    moved = []
    for number in range(TURNS):
        run_script(url, CHANGE.format(number))
        moved.append((fresh(counting, url), fresh(ours, url)))
    assert all(counted == found for (_, counted), (_, found) in still + moved if counted), (still, moved)
    only = median(seconds for (seconds, _), _ in still + moved)
    print(f"{what}, {sum(still[0][1][1]):,} bad rows; median of {TURNS} turns")  # noqa: T201
    print_line("hand-written SQL, fused, that only counts", only, only)
    for name, turns in (("a thousand rows were written", moved), ("nothing was written since", still)):
        print_line(f"rules with all evidence, {name}", median(seconds for _, (seconds, _) in turns), only)


def usual_floor(url: str) -> Found:
    """The rows and rules of `bench-peers`, without the peers: what an expert types."""
    return _timed(sql_checks(_job(url)))


def usual_rules(url: str) -> Found:
    """The same by this product."""
    import_module("tests.benchmarks.peers.twelve_rules")  # its time is not counted
    _as_commands_do()
    return _timed(our_checks(_job(url)))


def _as_commands_do() -> None:
    from flows.service.context import collect_seldom  # noqa: PLC0415 - a process of its own

    collect_seldom()


def _job(url: str) -> Job:
    place = make_url(url)
    return {"url": url, "host": str(place.query["host"]), "database": str(place.database)}


def _timed(work: Work) -> Found:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def floor(url: str) -> Found:
    """Seconds of the counting."""
    started = time.perf_counter()
    with psycopg.connect(plain_url(url)) as connection:
        connection.execute(FLOOR).fetchall()
    return time.perf_counter() - started, []


def rules_alone(url: str) -> Found:
    """Seconds of a whole run without imports of modules, and how many bad rows it found."""
    from checks.engine.collecting.collect import collect  # noqa: PLC0415 - a process of its own
    from checks.engine.run import Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415

    known = collect(["tests.benchmarks.schedule_rules"])
    rules = known.only(check for check in known.values() if check.name != "bench_duplicates")
    _as_commands_do()
    started = time.perf_counter()
    report = examine(open_engine(url), rules, Request(now=datetime.now(UTC)))
    seconds = time.perf_counter() - started
    return seconds, [result.count or 0 for result in report.results]


if __name__ == "__main__":
    main()
