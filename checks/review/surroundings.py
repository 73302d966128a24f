"""What a report says of the database and of the versions that the work stands on: sizes, connections, what is old.

No text of a statement is read: it may hold a person's data. What is on the other side of the machine (disk, Prefect)
is put beside it by the caller.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from checks.engine.authoring.units import Measure, figure_text, number_of
from checks.review.values import Period, SystemFact, Technology
from etl.tables import check_results, check_runs, deliveries

KILO, DAY_SECONDS = 1024, 86_400
CROWDED = 0.8
"""The share of the connections from which on somebody should look."""
LONG = 300.0
"""Seconds that no statement of a healthy hour takes."""
OVERDUE = 3_600.0
"""Seconds after which a message that waits is late."""
WAITING, DEAD = ("queued", "claimed", "sending"), ("failed", "undelivered", "uncertain")
CONNECTIONS = text("""
select count(*) filter (where datname = current_database()), count(*),
    current_setting('max_connections')::int,
    count(*) filter (where datname = current_database() and state like 'idle in transaction%')
from pg_stat_activity where backend_type = 'client backend'
""")
STATEMENTS = text("""
select coalesce(nullif(application_name, ''), 'a client'), extract(epoch from clock_timestamp() - query_start)
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and backend_type = 'client backend'
order by 2 desc nulls last limit 3
""")
LARGEST = text("""
select n.nspname || '.' || c.relname, pg_total_relation_size(c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 2 desc, 1 limit 5
""")
SERVER = text("select current_setting('server_version'), clock_timestamp() - pg_postmaster_start_time()")


def read_system(connection: Connection, period: Period) -> tuple[SystemFact, ...]:
    """How the database is as it is asked, and how it grew in the period."""
    readers = (_server, _size, _largest, _connections, _running, _slowest, _outbox)
    return tuple(fact for reader in readers for fact in reader(connection, period))


def size_text(size: float) -> str:
    """A size as people say it: "13 MB", "1.2 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(size) < KILO:
            return f"{size:.3g} {unit}"
        size /= KILO
    return f"{size:,.3g} TB"


def _server(connection: Connection, _: Period) -> Iterator[SystemFact]:
    version, up = connection.execute(SERVER).one()
    hours = up.total_seconds() / 3_600
    yield SystemFact(
        "database server", f"PostgreSQL {version.split()[0]}", f"up for {figure_text(hours, Measure.HOURS)}"
    )


def _size(connection: Connection, period: Period) -> Iterator[SystemFact]:
    size = connection.scalar(select(func.pg_database_size(func.current_database()))) or 0
    runs = check_runs.c
    seen = runs.started_at > period.since, runs.started_at <= period.until, runs.database_bytes.is_not(None)
    first = select(runs.database_bytes, runs.started_at).where(*seen).order_by(runs.started_at)
    earlier, last = connection.execute(first.limit(1)).first(), _last(connection, first)
    growth = "no check of this period has noted the size"
    if earlier is not None and last is not None and last.started_at > earlier.started_at:
        days = (last.started_at - earlier.started_at).total_seconds() / DAY_SECONDS
        grown = last.database_bytes - earlier.database_bytes
        growth = f"grown by {size_text(grown)} in {days:.1f} days"
    yield SystemFact("database size", size_text(size), growth)


def _last(connection: Connection, chosen: Select[Any]) -> Any:
    return connection.execute(chosen.order_by(None).order_by(check_runs.c.started_at.desc()).limit(1)).first()


def _largest(connection: Connection, _: Period) -> Iterator[SystemFact]:
    tables = [f"{name} {size_text(size)}" for name, size in connection.execute(LARGEST).tuples()]
    yield SystemFact("largest tables", tables[0] if tables else "none", ", ".join(tables[1:]))


def _connections(connection: Connection, _: Period) -> Iterator[SystemFact]:
    ours, every, most, idle = connection.execute(CONNECTIONS).one()
    detail = f"{every} of the server's {most}; {idle} idle in a transaction"
    yield SystemFact("connections", str(ours), detail, fine=every < CROWDED * most)


def _running(connection: Connection, _: Period) -> Iterator[SystemFact]:
    rows = [(name, float(seconds or 0)) for name, seconds in connection.execute(STATEMENTS).tuples()]
    said = f"{rows[0][1]:.1f} s, {rows[0][0]}" if rows else "none but this one"
    detail = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in rows[1:])
    yield SystemFact("longest statements now", said, detail, fine=not rows or rows[0][1] < LONG)


def _slowest(connection: Connection, period: Period) -> Iterator[SystemFact]:
    """The longest that a rule took: what our own statements cost the database."""
    results = check_results.c
    taken = select(results.rule, func.max(results.seconds)).where(results.at > period.since, results.at <= period.until)
    rows = connection.execute(taken.group_by(results.rule).order_by(func.max(results.seconds).desc()).limit(3)).all()
    detail = ", ".join(f"{rule} {seconds:.1f} s" for rule, seconds in rows[1:])
    yield SystemFact("longest rules", f"{rows[0][0]} {rows[0][1]:.1f} s" if rows else "none ran", detail)


def _outbox(connection: Connection, period: Period) -> Iterator[SystemFact]:
    message = deliveries.c
    waiting = message.state.in_(WAITING)
    counted = select(
        func.count().filter(waiting), func.count().filter(message.state.in_(DEAD)),
        func.count().filter(message.sent_at > period.since), func.min(message.created_at).filter(waiting),
    )  # fmt: skip
    waits, dead, sent, oldest = connection.execute(counted.where(message.created_at <= period.until)).one()
    late = oldest is not None and (period.until - oldest).total_seconds() > OVERDUE
    detail = f"{sent:,} sent in this period, {number_of(dead, 'dead letters')}"
    yield SystemFact("outbox", f"{number_of(waits, 'messages')} waiting", detail, fine=not dead and not late)


def read_rule_dates(connection: Connection, until: datetime) -> dict[str, tuple[datetime, datetime]]:
    """When each rule was asked for the first and for the last time."""
    results = check_results.c
    chosen = select(results.rule, func.min(results.at), func.max(results.at)).where(results.at <= until)
    rows = connection.execute(chosen.group_by(results.rule)).tuples()
    return {rule: (first.astimezone(until.tzinfo), last.astimezone(until.tzinfo)) for rule, first, last in rows}


def read_limits(connection: Connection, until: datetime) -> dict[str, str]:
    """What each rule was judged by at a moment, in words: the threshold of its last result before."""
    results = check_results.c
    newest = select(results.rule, results.threshold).where(results.at <= until, results.parameter == "")
    rows = connection.execute(newest.distinct(results.rule).order_by(results.rule, results.at.desc())).tuples()
    return dict(rows.all())


# https://www.postgresql.org/support/versioning/ and https://devguide.python.org/versions/
POSTGRESQL_UNTIL = {14: date(2026, 11, 12), 15: date(2027, 11, 11), 16: date(2028, 11, 9), 17: date(2029, 11, 8),
                    18: date(2030, 11, 14)}  # fmt: skip
PYTHON_UNTIL = {(3, 11): date(2027, 10, 31), (3, 12): date(2028, 10, 31), (3, 13): date(2029, 10, 31),
                (3, 14): date(2030, 10, 31)}  # fmt: skip
PINS = Path(__file__).resolve().parents[2] / "constraints.txt"
OURS = "rally-data-health"
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def read_technology(connection: Connection, period: Period) -> tuple[Technology, ...]:
    """What the work stands on: PostgreSQL and Python with the end of their support, each library with its pin."""
    server = connection.scalar(text("select current_setting('server_version')")) or "0"
    today, major = period.until.date(), int(server.split(".")[0].split()[0])
    return (
        _supported("PostgreSQL", server.split()[0], POSTGRESQL_UNTIL.get(major), today),
        _supported("Python", sys.version.split()[0], PYTHON_UNTIL.get(sys.version_info[:2]), today),
        *(_library(name, pinned(PINS)) for name in _libraries()),
    )


def _supported(name: str, version: str, until: date | None, today: date) -> Technology:
    if until is None:
        return Technology(name, version, "", "not a version that this was tested with", fine=None)
    over = until < today
    return Technology(name, version, "", f"support {'ended' if over else 'ends'} {until}", fine=not over)


def _libraries() -> list[str]:
    """The libraries that the package asks for itself, by name."""
    required = metadata.requires(OURS) or ()
    names = {REQUIREMENT.match(line) for line in required if "extra ==" not in line}
    return sorted({name[0].lower() for name in names if name})


def pinned(file: Path) -> Mapping[str, str]:
    """The versions that a file of constraints names; none where there is no such file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))
    return {_normal(name): version.split(";")[0].strip() for name, version in pairs}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _library(name: str, pins: Mapping[str, str]) -> Technology:
    pin = pins.get(_normal(name), "")
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Technology(name, "not installed", pin, "asked for, and not there", fine=False)
    if not pin:
        return Technology(name, version, "", "no constraints to compare with", fine=None)
    same = version == pin
    return Technology(name, version, pin, "" if same else "not the version that this is tested with", fine=same)
