"""The whole catalogue on one season and on a hundred: seconds per rule, and how steeply they grow.

A hundred seasons are the sample season a hundred times, each copy with leagues, teams and people of its own, made by
set-based SQL. A rule whose cost grows faster than its rows is named. Beside the whole stands how many times that is of
what the same questions take, asked by psycopg alone. Both are first checks, each of a database of its own: they also
sketch very many bad rows, and know of no earlier ones. The next check, which measures all again, finds them to be the
same. At last the check by `--since last`.
"""

from __future__ import annotations

import math
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from etl.embedded import running
from tests.benchmarks.bench_checks import database_named, fresh, plain_url, verdict
from tests.benchmarks.statements import recorded, seconds_alone
from tests.platform.build import PLATFORM, Shape
from tests.platform.fixtures import build_template

COPIES = 100
TODAY = datetime(2025, 11, 10, 12, tzinfo=UTC)
STEEP = 1.2
"""An exponent: cost ~ rows ** exponent."""
LEAST_SECONDS = 0.05
SHOWN = 12
MOST_SECONDS, MOST_OF_A_RULE, MOST_MEGABYTES = 20, 5, 300
"""Limits of a hundred seasons with four workers, on two processors."""
TEAM = ("team_id", "home_team_id", "away_team_id")
TABLES = (
    "leagues", "club_leagues", "series_leagues", "teams", "players", "schedule", "match_scores", "series_stats",
    "player_history",
)  # fmt: skip
COLUMNS = (
    "select column_name, data_type from information_schema.columns where table_name = %s and table_schema = 'public'"
)


def main() -> None:
    """Print the rules that take longest at a hundred seasons, and those that grow too steeply."""
    copies = next((int(word) for word in sys.argv[1:] if word.isdigit()), COPIES)
    if not PLATFORM.is_dir():
        print(f"skipped: the sample season is not at {PLATFORM}")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", max_wal_size="8GB") as server:
        url = season(server)
        once = fresh(seconds_per_rule, database_named(server, "one_season", make_url(url).database))
        started = time.perf_counter()
        multiply(url, copies)
        print(f"{copies} seasons more, made in {time.perf_counter() - started:.0f} s")  # noqa: T201
        print_growth(once, fresh(seconds_per_rule, url), copies + 1)
        again = fresh(seconds_per_rule, url)
        print(f"the same again, all measured: {again[WHOLE]:.1f} s, {_slowest_first(again)[0]} longest")  # noqa: T201
        since = fresh(seconds_since_last, url)
        print(f"the same by --since last: {since[WHOLE]:.1f} s, {since[CARRIED]:.0f} results carried over")  # noqa: T201


def season(server: str) -> str:
    """The URL of a database that holds the sample season, taken into use as `init` does."""
    from etl.database import open_engine  # noqa: PLC0415 - a fresh process shall not have it yet
    from etl.migrate import upgrade  # noqa: PLC0415
    from flows.service.adoption import readable  # noqa: PLC0415
    from flows.settings import read_settings  # noqa: PLC0415

    url = make_url(build_template(server, Shape.AUGUST)).render_as_string(hide_password=False)
    engine = open_engine(url)
    upgrade(engine, readable=readable(read_settings(database_url=url), engine))
    engine.dispose()
    return url


def multiply(url: str, copies: int) -> None:
    """Put as many copies of everything beside it, each with ids, names of leagues and ids of people of its own."""
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        # copies of sound rows are sound: foreign keys need not be asked a million times
        connection.execute("set session_replication_role = replica")
        counted = {
            table: connection.execute(f"select coalesce(max(id), 0) from {table}").fetchone() for table in TABLES
        }
        step = {table: row[0] + 1 for table, row in counted.items() if row is not None}
        for table in TABLES:
            columns = connection.execute(COLUMNS, (table,)).fetchall()
            values = ", ".join(_copied(table, name, kind, step) for name, kind in columns)
            names = ", ".join(name for name, _ in columns)
            source = f"select {values} from {table}, generate_series(1, {copies}) copy"
            connection.execute(f"insert into {table} ({names}) {source}".encode())
        connection.execute("vacuum analyze")
        # what was made goes to disk now, and not while it is measured
        connection.execute("checkpoint")


def _copied(table: str, name: str, kind: str, step: dict[str, int]) -> str:
    own = f"{table}.{name}"
    if name == "id":
        return f"{own} + copy * {step[table]}"
    if kind == "integer" and name in {"league_id", *TEAM} | ({"player_id"} if table == "player_history" else set()):
        target = "leagues" if name == "league_id" else "players" if name == "player_id" else "teams"
        return f"{own} + copy * {step[target]}"
    if name == "tenniscores_player_id" or "_player_" in name or (table == "leagues" and "char" in kind):
        return f"{own} || '-' || copy"
    return own


WHOLE, MEGABYTES, CARRIED, ASKED = "", " MB", " carried", " asked"
"""Names that no rule has, for the whole run."""


def seconds_since_last(url: str) -> dict[str, float]:
    """As `seconds_per_rule`, of a run that measures what has changed since the one before."""
    return seconds_per_rule(url, since_last=True)


def seconds_per_rule(url: str, *, since_last: bool = False) -> dict[str, float]:
    """How long each rule took; of the whole run its seconds, peak memory and carried results."""
    from checks.engine.collecting.collect import collect  # noqa: PLC0415
    from checks.engine.run import Options, Request  # noqa: PLC0415
    from checks.health import examine  # noqa: PLC0415
    from checks.scopes import SOURCES  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415
    from flows.service.context import collect_seldom  # noqa: PLC0415

    collect_seldom()  # as every command does
    rules = collect(SOURCES)
    engine, request = open_engine(url), Request(now=TODAY, options=Options(workers=4))
    with recorded(engine) as asked:
        started = time.perf_counter()
        report = examine(engine, rules, request, since_last=since_last)
        found = {WHOLE: time.perf_counter() - started, CARRIED: float(report.carried)}
    found[MEGABYTES] = peak_megabytes()
    found[ASKED] = seconds_alone(url, asked)
    for result in report.results:
        found[result.rule] = found.get(result.rule, 0.0) + result.seconds
        if result.error:
            print(f"{result.rule}: {result.error}")  # noqa: T201
    return found


def peak_megabytes() -> float:
    """The most memory that this process has had, without what the one had that started it.

    Linux tells that apart: a fork inherits `ru_maxrss`, also over the exec that begins anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _slowest_first(found: dict[str, float]) -> list[str]:
    return sorted(set(found) - {WHOLE, MEGABYTES, CARRIED, ASKED}, key=lambda rule: -found[rule])


def print_growth(once: dict[str, float], many: dict[str, float], times: int) -> None:
    """Seconds and exponents: the slowest rules first, then others that grow too steeply."""
    print(f"the catalogue on one season {once[WHOLE]:.1f} s, {once[MEGABYTES]:.0f} MB; "  # noqa: T201
          f"on {times}: {many[WHOLE]:.1f} s, {many[MEGABYTES]:.0f} MB, "
          f"{many[WHOLE] / many[ASKED]:.2f} x its questions alone")  # fmt: skip
    rules = _slowest_first(many)
    print(f"seconds {verdict(many[WHOLE], MOST_SECONDS)}, of a rule {verdict(many[rules[0]], MOST_OF_A_RULE)}, "  # noqa: T201
          f"megabytes {verdict(many[MEGABYTES], MOST_MEGABYTES)}")  # fmt: skip
    for place, rule in enumerate(rules):
        growth = math.log(max(many[rule], LEAST_SECONDS) / max(once.get(rule, 0), LEAST_SECONDS)) / math.log(times)
        steep = f"  grows steeper than {STEEP}" if growth > STEEP else ""
        if place < SHOWN or steep:
            print(f"{rule:45} {once.get(rule, 0):7.3f} {many[rule]:8.2f} s  rows ** {growth:4.2f}{steep}")  # noqa: T201


if __name__ == "__main__":
    main()
