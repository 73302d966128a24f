"""What a task run, a league and a rule cost on each engine: `python -m tests.benchmarks runners`.

Each engine measures some leagues and then more of them: the difference is what a league costs, the rest is the start.
Plain calls are the measure; the ratios are what counts, for all of it runs on one machine. It starts a Prefect server
of its own on loopback.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from tests.leagues import TODAY, fill

FEW, MANY = 2, 32
TASKS = 500
RULES = 17
ENGINES = ("thread", "dask")
QUIET = {"PREFECT_LOGGING_LEVEL": "ERROR", "DASK_LOGGING__DISTRIBUTED": "critical"}


def main() -> None:
    """Measure, and print a line each."""
    from etl.embedded import running  # noqa: PLC0415 - Prefect reads its settings when it is imported, below
    from tests.flows.bridge.server import prefect_environment, shared_server  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "postgres", fsync="off") as url,
        shared_server(Path(folder) / "prefect") as api,
    ):
        os.environ.update(prefect_environment(Path(folder) / "prefect", api))
        os.environ.update(DATABASE_URL=url, **QUIET)
        os.chdir(folder)
        logging.disable(logging.ERROR)
        _fill(url)
        _leagues()
        _tasks()  # last, for the server works on hundreds of task runs for seconds after them


def _fill(url: str) -> None:
    from etl.database import open_engine  # noqa: PLC0415
    from etl.migrate import upgrade  # noqa: PLC0415

    engine: Engine = open_engine(url)
    upgrade(engine)
    fill(engine, MANY)
    engine.dispose()


def _tasks() -> None:
    from prefect import flow  # noqa: PLC0415

    from flows.bridge.flow_run import call  # noqa: PLC0415

    @flow(name="bench")
    def steps(number: int) -> None:
        for _ in range(number):
            call("nothing", lambda: None)

    steps(1)  # the first flow run of a server takes seconds
    few, many = _seconds(lambda: steps(1)), _seconds(lambda: steps(TASKS + 1))
    _say("a flow run with one task run", few)
    _say("each further task run", (many - few) / TASKS)


def _leagues() -> None:
    from checks.engine.collecting.collect import collect  # noqa: PLC0415
    from checks.scopes import SOURCES  # noqa: PLC0415
    from flows.flows import league_checks  # noqa: PLC0415
    from flows.service.context import Invocation, invoked  # noqa: PLC0415
    from flows.service.leagues import check_one_league  # noqa: PLC0415
    from flows.service.requests import LeaguesRequest  # noqa: PLC0415
    from flows.settings import read_settings  # noqa: PLC0415

    catalogue = sorted(collect(SOURCES))
    names = catalogue[:: len(catalogue) // RULES][:RULES]

    def request(number: int) -> LeaguesRequest:
        return LeaguesRequest(leagues=tuple(_first(number)), names=tuple(names), today=TODAY, keep=False)

    def plainly(number: int) -> None:
        for league in _first(number):
            check_one_league(read_settings(), league, request(1), TODAY)

    def on(engine: str, number: int) -> None:
        with invoked(Invocation(read_settings(task_runner=engine))):
            league_checks(request(number), return_state=True)

    plainly(1)
    floor = _compare("plain calls", plainly, None)
    for engine in ENGINES:
        _compare(engine, lambda number, engine=engine: on(engine, number), floor)  # type: ignore[misc]  # bound at once


def _first(number: int) -> list[str]:
    return [f"L{place}" for place in range(1, number + 1)]


def _compare(what: str, measure: Callable[[int], None], floor: float | None) -> float:
    """Print what the start, a league and a rule cost; returns the seconds of a league."""
    few, many = _seconds(lambda: measure(FEW)), _seconds(lambda: measure(MANY))
    league = (many - few) / (MANY - FEW)
    ratio = "" if floor is None else f"  {league / floor:5.2f} x plain"
    start = max(few - FEW * league, 0)
    sys.stdout.write(
        f"{what:<12} start {start:6.1f} s   league {league:6.3f} s   rule {1000 * league / RULES:6.1f} ms{ratio}\n"
    )
    sys.stdout.flush()
    return league


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _say(what: str, seconds: float) -> None:
    sys.stdout.write(f"{what:<40} {seconds:8.3f} s\n")


if __name__ == "__main__":
    main()
