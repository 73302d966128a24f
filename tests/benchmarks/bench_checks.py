"""The rule engine against hand-written SQL: 13 rules over a million schedule rows, and 200 rules on an empty database.

The hand-written floor is what an expert would type: the twelve row rules fused into one SELECT, and the GROUP BY for
duplicates. Ours does the same queries from rules: engine made, rules collected, measured on one snapshot, judged,
scored, history written. Both take turns on one server, each turn in a fresh process; read the ratios.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TypeVar

import psycopg
from sqlalchemy import make_url

from etl.embedded import running

Answer = TypeVar("Answer")
ROWS = 1_000_000
TURNS = 5
HERE = Path(__file__).parent

FILL = f"""
insert into leagues (id, league_id, league_name) values (1, 'NORTH', 'North'), (2, 'SOUTH', 'South');
insert into series (id, name) select n, 'Series ' || n from generate_series(1, 20) n;
insert into teams (id, league_id, series_id, team_name)
  select n, 1 + n % 2, 1 + n / 2 % 20, 'Team ' || n from generate_series(1, 1300) n;
alter table schedule drop constraint unique_schedule_match;
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id)
  select date '2024-09-01' + n % 300, time '18:30' + n % 4 * interval '30 minutes', 'Team ' || home, 'Team ' || away,
         home, away, 'Court ' || n % 40, 1 + n % 2
  from (select n, 1 + n % 800 as home, 1 + n / 800 + (n % 800 <= n / 800)::int as away
        from generate_series(1, {ROWS}) n) f;
vacuum analyze;
"""
# 2,058 practice rows twice, 1,405 rows without teams, and a few without a place
INCIDENT = """
insert into schedule (match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id)
  select match_date, match_time, home_team, away_team, home_team_id, away_team_id, location, league_id
  from schedule where id % 480 = 1 limit 2058;
update schedule set home_team = home_team || ' Practice', home_team_id = null, away_team_id = null
  where id % 711 = 3 and home_team_id is not null;
update schedule set location = null where id % 2000 = 7;
vacuum analyze;
"""
FLOOR = """
select count(*),
  count(*) filter (where home_team_id is null and away_team_id is null and home_team not like 'BYE%'),
  count(*) filter (where home_team not like 'BYE%'),
  count(*) filter (where location is null or btrim(location) = ''),
  count(*) filter (where match_time is null and home_team not like '%Practice%'),
  count(*) filter (where home_team not like '%Practice%'),
  count(*) filter (where home_team = away_team),
  count(*) filter (where home_team_id = away_team_id),
  count(*) filter (where match_date < date '2024-07-01'),
  count(*) filter (where match_date > date '2026-07-01'),
  count(*) filter (where match_time < time '06:00' or match_time > time '23:00'),
  count(*) filter (where home_team <> btrim(home_team)),
  count(*) filter (where away_team <> btrim(away_team)),
  count(*) filter (where league_id is null),
  count(*) filter (where length(home_team) > 60 or length(away_team) > 60)
from schedule
"""
DUPLICATES = """
select count(*) from (
  select match_date, home_team, away_team, league_id from schedule
  group by match_date, home_team, away_team, league_id having count(*) > 1) d
"""


def main() -> None:
    """Print seconds and ratios."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server") as url:
        full, empty = database_named(url, "season"), database_named(url, "nothing")
        run_script(full, FILL)
        _compare(full, "a clean season")
        run_script(full, INCIDENT)
        _compare(full, "with the incident in it: examples, clusters and sketches too")
        print(f"200 rules on an empty database: {fresh(_many, empty):.2f} s")  # noqa: T201


def _compare(url: str, what: str) -> None:
    print(f"13 rules over {ROWS:,} schedule rows, {what}; median of {TURNS} turns")  # noqa: T201
    contenders = (_floor, _ours, _ours_imports_included)
    turns = [[fresh(contender, url) for contender in contenders] for _ in range(TURNS)]
    floor, ours, whole = (median(column) for column in zip(*turns, strict=True))
    print_line("hand-written SQL, fused", floor, floor)
    print_line("rules: engine, collecting, snapshot, score, history", ours, floor)
    print_line("the same with the imports of SQLAlchemy and checks", whole, floor)


def run_script(url: str, text: str) -> None:
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        for statement in filter(str.strip, text.split(";")):
            connection.execute(statement)


def plain_url(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def print_line(name: str, seconds: float, floor: float) -> None:
    print(f"{name:52} {seconds:8.2f} s  {seconds / floor:7.3f} x")  # noqa: T201


def verdict(figure: float, limit: float) -> str:
    return "ok" if figure <= limit else f"ABOVE {limit:g}"


def _floor(url: str) -> float:
    started = time.perf_counter()
    with psycopg.connect(plain_url(url)) as connection:
        connection.execute(FLOOR).fetchall()
        connection.execute(DUPLICATES).fetchall()
    return time.perf_counter() - started


def _ours(url: str) -> float:
    import checks.health  # noqa: F401, PLC0415 - its time is not counted here
    import tests.benchmarks.schedule_rules  # noqa: F401, PLC0415

    return _ours_imports_included(url)


def _ours_imports_included(url: str) -> float:
    started = time.perf_counter()
    from checks.engine.collecting.collect import collect  # noqa: PLC0415 - its time is counted
    from checks.engine.run import Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415

    engine = open_engine(url)
    report = examine(engine, collect(["tests.benchmarks.schedule_rules"]), Request(now=datetime.now(UTC)))
    seconds = time.perf_counter() - started
    assert len(report.results) == 13, report.results
    assert report.coverage == 1.0, [result.error for result in report.results]
    return seconds


def _many(url: str) -> float:
    from checks.engine.collecting.rules import Rules  # noqa: PLC0415
    from checks.engine.run import Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415
    from tests.benchmarks.schedule_rules import many_rules  # noqa: PLC0415

    started = time.perf_counter()
    report = examine(open_engine(url), Rules.of(*many_rules(200)), Request(now=datetime.now(UTC)))
    assert len(report.results) == 200
    return time.perf_counter() - started


def fresh(work: Callable[[str], Answer], url: str) -> Answer:
    """The answer of a function in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (url,))


def database_named(url: str, name: str, template: str | None = None) -> str:
    """The URL of a new database: a copy of a template that nobody is connected to, without one migrated."""
    from etl.database import open_engine  # noqa: PLC0415 - a fresh process shall not have it yet
    from etl.migrate import upgrade  # noqa: PLC0415

    run_script(url, f"create database {name}" + (f" template {template}" if template else ""))
    own = make_url(url).set(database=name).render_as_string(hide_password=False)
    if template is None:
        engine = open_engine(own)
        upgrade(engine)
        engine.dispose()
    return own


if __name__ == "__main__":
    main()
