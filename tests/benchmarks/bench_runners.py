"""What a task run and a league cost on each engine: `python -m tests.benchmarks.bench_runners`.

Plain calls are the measure; the ratios are what counts, for all of it runs on one machine. It starts a Prefect server
of its own on loopback.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import text

LEAGUES = 40
TASKS = 100
RULES = ["match_with_one_team", "match_without_location", "match_without_time", "team_against_itself"]
DAY = date(2024, 9, 20)
MATCHES = """
insert into schedule (match_date, home_team, away_team, league_id, location)
select date '2024-09-01' + d % 90, 'Team ' || d, 'Team ' || d + 1, id, case when d % 3 > 0 then 'Club' end
from leagues, generate_series(1, 1000) d
"""


def main() -> None:
    """Measure, and print a line each."""
    from etl.embedded import running  # noqa: PLC0415 - Prefect reads its settings when it is imported, below
    from tests.flows.prefect.server import prefect_environment, shared_server  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "postgres", fsync="off") as url,
        shared_server(Path(folder) / "prefect") as api,
    ):
        os.environ.update(prefect_environment(Path(folder) / "prefect", api))
        os.environ.update(DATABASE_URL=url, PREFECT_LOGGING_LEVEL="ERROR", DASK_LOGGING__DISTRIBUTED="error")
        os.chdir(folder)
        _fill(url)
        _tasks()
        _leagues()


def _fill(url: str) -> None:
    from etl.database import open_engine  # noqa: PLC0415
    from etl.migrate import upgrade  # noqa: PLC0415

    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        names = "insert into leagues (league_id, league_name) select 'L' || n, 'L' || n from generate_series(1, :n) n"
        connection.execute(text(names), {"n": LEAGUES})
        connection.execute(text("alter table schedule drop constraint schedule_team_id_not_null"))
        connection.execute(text(MATCHES))
    engine.dispose()


def _tasks() -> None:
    from prefect import flow  # noqa: PLC0415

    from flows.steps import call  # noqa: PLC0415

    @flow(name="bench")
    def steps(number: int) -> None:
        for _ in range(number):
            call("nothing", lambda: None)

    few, many = _seconds(lambda: steps(1)), _seconds(lambda: steps(TASKS + 1))
    _say("a flow run with one task run", few)
    _say("each further task run", (many - few) / TASKS)


def _leagues() -> None:
    from flows.context import Kept, Surroundings, surrounded  # noqa: PLC0415
    from flows.leagues import check_league, league_checks  # noqa: PLC0415
    from flows.settings import read_settings  # noqa: PLC0415

    names = [f"L{number}" for number in range(1, LEAGUES + 1)]
    floor = _seconds(lambda: [check_league.fn(name, [], RULES, DAY, False) for name in names])
    _say(f"{LEAGUES} leagues, {len(RULES)} rules each, plain calls", floor, floor)
    for runner in ("thread", *(each for each in ("dask", "ray") if find_spec(f"prefect_{each}"))):
        with surrounded(Surroundings(read_settings(task_runner=runner), kept=Kept())):
            seconds = _seconds(lambda: league_checks(names=RULES, today=DAY, keep=False, return_state=True))
        _say(f"the same on {runner}, its start included", seconds, floor)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _say(what: str, seconds: float, floor: float | None = None) -> None:
    ratio = "" if floor is None else f"  {seconds / floor:5.2f} x"
    each = "" if floor is None else f"  {1000 * seconds / (LEAGUES * len(RULES)):6.1f} ms a rule"
    sys.stdout.write(f"{what:<45} {seconds:8.3f} s{ratio}{each}\n")


if __name__ == "__main__":
    main()
