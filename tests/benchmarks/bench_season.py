"""A check of the real season, the platform's database of August: a cold process, one league of it, and further leagues.

The figures are seconds of CPU of the process that checks, the median of several, and seconds by the clock, which hold
what the database does (and who else works on the machine): people wait for both, so these have the limits. A further
league is what a process that has checked all leagues together spends on one of them, the median over them: its modules
are there, and PostgreSQL knows its rows. Beside them stands how many times that is of what the same questions take,
asked by psycopg alone.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from etl.embedded import running
from tests.benchmarks.bench_checks import fresh, verdict
from tests.benchmarks.bench_scale import TODAY, season
from tests.benchmarks.statements import recorded, seconds_alone
from tests.platform.build import PLATFORM

Spent = tuple[float, float]
"""Seconds of CPU of the process, and by the clock."""
ROUNDS = 5
WHOLE_LIMIT = 2.4
FURTHER_LIMIT = 0.35
LEAGUE = "CITA"
LEAGUES = ("APTA_CHICAGO", "CITA", "CNSWPL", "NSTF")


def main() -> None:
    """Print what a whole check costs, what one of a league, and what each further one."""
    if not PLATFORM.is_dir():
        print(f"skipped: the platform's database is not at {PLATFORM}")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", fsync="off") as server:
        url = season(server)
        whole = [cold(("check",), url, Path(folder)) for _ in range(ROUNDS + 1)][1:]
        league = [cold(("check", "--league", LEAGUE), url, Path(folder)) for _ in range(ROUNDS)]
        further, (all_asked, *asked) = fresh(seconds_of_leagues, url)
        whole_run = fresh(seconds_of_league_runs, url)
    show("the whole season, a cold process", whole, all_asked, WHOLE_LIMIT)
    show("one league, a cold process", league, asked[LEAGUES.index(LEAGUE)])
    show("a further league in the same process", further, median(asked), FURTHER_LIMIT)
    show("the same with account, history and reports", whole_run, median(asked))


def show(what: str, spent: list[Spent], asked: float, limit: float | None = None) -> None:
    used, wall = (median(column) for column in zip(*spent, strict=True))
    said = "" if limit is None else verdict(wall, limit)
    times = f"{wall / asked:5.1f} x its questions alone"
    print(f"{what:42} {used:5.2f} s CPU {wall:6.2f} s {times}  {said}")  # noqa: T201


def cold(words: tuple[str, ...], url: str, folder: Path) -> Spent:
    """Seconds of CPU and by the clock of a command, which keeps its run; modules are compiled once, before."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"DATABASE_URL": url, "RALLY_REPORTS": str(folder / "logs")}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", "from flows.cli import main; main()", *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "results of" in ended.stdout, ended.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began


def seconds_of_leagues(url: str) -> tuple[list[Spent], list[float]]:
    """What each league took, after a check of all of them; and for all and each the seconds of its questions alone."""
    from checks.engine.collecting.collect import collect  # noqa: PLC0415 - a fresh process shall not have it yet
    from checks.engine.collecting.rules import Selection  # noqa: PLC0415
    from checks.engine.run import Options, Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from checks.scopes import SOURCES  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415
    from flows.service.context import collect_seldom  # noqa: PLC0415

    collect_seldom()  # as every process of ours that runs checks
    engine, rules = open_engine(url), collect(SOURCES)
    spent, alone = [], []
    for scope in ({}, *({"league": (league,)} for league in LEAGUES)):
        request = Request(now=TODAY, selection=Selection(scope=scope), options=Options(workers=4))
        with recorded(engine) as asked:
            used, began = time.process_time(), time.perf_counter()
            examine(engine, rules, request)
            spent.append((time.process_time() - used, time.perf_counter() - began))
        alone.append(seconds_alone(url, asked))
    return spent[1:], alone


def seconds_of_league_runs(url: str) -> list[Spent]:
    """The same of each league's whole check, as the flow that checks all leagues has it in each of its tasks."""
    from flows.service.context import collect_seldom  # noqa: PLC0415 - a fresh process shall not have it yet
    from flows.service.leagues import check_one_league  # noqa: PLC0415
    from flows.service.requests import LeaguesRequest  # noqa: PLC0415
    from flows.settings import read_settings  # noqa: PLC0415

    collect_seldom()
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(database_url=url, reports=folder)
        for league in LEAGUES[:1] + LEAGUES:
            used, began = time.process_time(), time.perf_counter()
            check_one_league(settings, league, LeaguesRequest(), TODAY.date())
            spent.append((time.process_time() - used, time.perf_counter() - began))
    return spent[1:]


if __name__ == "__main__":
    main()
