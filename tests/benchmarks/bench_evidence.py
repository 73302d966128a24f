"""The evidence of failing rules: twelve rules, of which eleven fail, on half a million fixtures with 421,000 bad rows.

The floor only counts them, in one fused SELECT that an expert would type. Ours also says which rows are bad, what is
new and fixed since the last run, where they cluster, and judges each rule per league. Both take turns on one server.
Then the same with more than a million bad rows, in seconds.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from etl.embedded import running
from tests.benchmarks.bench_checks import FLOOR, database_named, fresh, plain_url, print_line, run_script

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


def main() -> None:
    """Print seconds and ratios: the first run, and a second one that compares itself with it."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server") as server:
        url = database_named(server, "season")
        run_script(url, PLACES + FIXTURES.format(1, ROWS))
        _compare(url, ROWS)
        run_script(url, FIXTURES.format(ROWS + 1, MORE_ROWS))
        _compare(url, MORE_ROWS)


def _compare(url: str, rows: int) -> None:
    fresh(rules_alone, url)
    turns = [(fresh(floor, url), *fresh(rules_alone, url)) for _ in range(TURNS)]
    only, ours, bad = (median(column) for column in zip(*turns, strict=True))
    print(f"12 rules over {rows:,} fixtures, {bad:,.0f} bad rows; median of {TURNS} turns")  # noqa: T201
    print_line("hand-written SQL, fused, that only counts", only, only)
    print_line("rules with all evidence", ours, only)


def floor(url: str) -> float:
    """Seconds of the counting."""
    started = time.perf_counter()
    with psycopg.connect(plain_url(url)) as connection:
        connection.execute(FLOOR).fetchall()
    return time.perf_counter() - started


def rules_alone(url: str) -> tuple[float, float]:
    """Seconds of a whole run without imports of modules, and how many bad rows it found."""
    from checks.engine.collecting.collect import collect  # noqa: PLC0415 - a process of its own
    from checks.engine.run import Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415

    known = collect(["tests.benchmarks.schedule_rules"])
    rules = known.only(check for check in known.values() if check.name != "bench_duplicates")
    started = time.perf_counter()
    report = examine(open_engine(url), rules, Request(now=datetime.now(UTC)))
    seconds = time.perf_counter() - started
    return seconds, sum(result.count or 0 for result in report.results)


if __name__ == "__main__":
    main()
