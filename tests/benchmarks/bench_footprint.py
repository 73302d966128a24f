"""What our runs leave in a Prefect server's database: `python -m tests.benchmarks footprint`.

Runs of the command line against a server of its own on loopback, with SQLite: the rows and bytes that each leaves, for
each value of RALLY_PREFECT_TASK_RUNS, and what a year of the schedules of prefect.yaml comes to.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from etl.embedded import running
from tests.flows.bridge.command import Command
from tests.flows.bridge.server import prefect_environment, shared_server
from tests.leagues import fill

RUNS = 2
SETTLE_SECONDS = 10
TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact", "events")
POLICY = """
[[people]]
name = "kim"
email = "kim@example.org"
[[routes]]
who = ["kim"]
by = ["email"]
rules = ["no_rule_has_this_name"]
[watch]
who = ["kim"]
by = ["email"]
"""
"""Somebody is to be notified, and of nothing: most rounds of alerts have nothing to send."""
DONE = {0, 1, 5}
"""How a check may end here; anything else would be the footprint of a failure."""
A_YEAR = {"dispatch": 365 * 288, "watch": 365 * 24, "hourly": 365 * 24, "daily": 365, "all rules": 2 * 365}
"""How often each is run: all rules in the night and, about, in the weekly and monthly checks."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "dispatch": ("alerts", "dispatch"),
    "watch": ("watch",),
    "hourly": ("check", "--tag", "hourly"),
    "daily": ("check", "--tag", "daily"),
    "all rules": ("check",),
}


def main() -> None:
    """Measure, and print a line each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder) / "postgres", fsync="off") as url,
        shared_server(Path(folder) / "prefect") as api,
    ):
        home = Path(folder)
        (home / "alerts.toml").write_text(POLICY)
        own = {"DATABASE_URL": url, "RALLY_REPORTS": str(home / "logs")}
        policy = {"RALLY_ALERTS_POLICY": str(home / "alerts.toml")}
        environment = {**prefect_environment(home / "prefect", api), **own, **policy}
        command = Command(environment, home)
        assert command.run("init").code == 0
        _fill(url)
        _run(command, ("check",))  # the dead man's switch has nothing to tell then
        for task_runs in ("trouble", "all"):
            _measure_year(command.having(RALLY_PREFECT_TASK_RUNS=task_runs), home / "prefect" / "prefect.db", task_runs)


def _fill(url: str) -> None:
    from etl.database import open_engine  # noqa: PLC0415

    engine = open_engine(url)
    fill(engine, 2)
    engine.dispose()


def _measure_year(command: Command, database: Path, task_runs: str) -> None:
    rows_a_year, bytes_a_year = 0.0, 0.0
    for name, arguments in COMMANDS.items():
        _run(command, arguments)  # what only the first run leaves
        before = _size(database)
        for _ in range(RUNS):
            _run(command, arguments)
        after = _size(database)
        rows, size = ((after[place] - before[place]) / RUNS for place in (0, 1))
        rows_a_year += rows * A_YEAR[name]
        bytes_a_year += size * A_YEAR[name]
        sys.stdout.write(f"{task_runs:<8} {name:<10} {rows:7.1f} rows   {size / 1024:8.1f} kB a run\n")
        sys.stdout.flush()
    year = f"{rows_a_year / 1e6:.2f} million rows, {bytes_a_year / 2**20 / 365:.1f} MB a day"
    sys.stdout.write(f"{task_runs:<8} a year     {year}\n")


def _run(command: Command, arguments: tuple[str, ...]) -> None:
    ended = command.run(*arguments)
    assert ended.code in DONE, ended


def _size(database: Path) -> tuple[int, int]:
    """Rows and bytes, when the server has stored all that it was sent: it takes a while."""
    known, now = (-1, 0), _stored(database)
    while now != known:
        time.sleep(SETTLE_SECONDS)
        known, now = now, _stored(database)
    return now


def _stored(database: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        rows = sum(connection.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES)
        pages, free = (connection.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        page_size = connection.execute("pragma page_size").fetchone()[0]
    return rows, (pages - free) * page_size


if __name__ == "__main__":
    main()
