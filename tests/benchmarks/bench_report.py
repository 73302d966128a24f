"""Reports over two years of daily runs with a hundred rules: 73,000 results, a thousand imports, a hundred incidents.

Each kind of report is read, reviewed and drawn in a fresh process, imports of libraries included; the limit of 5 s
holds for the whole of it, for the quarter and for all two years at once.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Table

from etl.embedded import running

DAYS, RULES = 730, 100
LIMIT_SECONDS = 5.0
NOW = datetime(2025, 6, 30, 7, tzinfo=UTC)
REPORTS = (("daily", None), ("weekly", None), ("monthly", None), ("quarterly", None), ("quarterly", DAYS))


def main() -> None:
    """Fill a database, and tell how long each report takes."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "server", fsync="off") as url:
        fill(url)
        for kind, days in REPORTS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, size = pool.apply(_report, (url, kind, days))
            verdict = "ok" if seconds < LIMIT_SECONDS else f"ABOVE {LIMIT_SECONDS:g} s"
            name = kind if days is None else f"{kind}, {days} days"
            print(f"{name:24} {seconds:5.2f} s  {size / 1e6:5.2f} MB  {verdict}")  # noqa: T201 - what a benchmark is for


def _report(url: str, kind: str, days: int | None) -> tuple[float, int]:
    began = time.perf_counter()
    from checks.engine.collecting.collect import collect  # noqa: PLC0415
    from checks.review.page import render_html  # noqa: PLC0415
    from checks.review.reading import read_book  # noqa: PLC0415
    from checks.review.section import review  # noqa: PLC0415
    from checks.review.values import Period, PeriodKind  # noqa: PLC0415
    from checks.scopes import SOURCES  # noqa: PLC0415
    from etl.database import open_engine  # noqa: PLC0415
    from flows.service.context import collect_seldom  # noqa: PLC0415

    collect_seldom()  # as the command does
    period = Period.of(PeriodKind(kind), NOW, days)
    with open_engine(url).connect() as connection:
        book = read_book(connection, period)
    page = render_html(review(book, collect(SOURCES), period))
    return time.perf_counter() - began, len(page)


def fill(url: str, leagues: int = 10) -> None:
    """Two years of history, with scores of so many leagues."""
    from etl.database import open_engine  # noqa: PLC0415
    from etl.migrate import upgrade  # noqa: PLC0415
    from etl.tables import check_results, check_runs, import_feeds, import_runs, incidents  # noqa: PLC0415

    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(check_runs.insert(), list(_runs(leagues)))
        _copy(connection, check_results, _results())
        connection.execute(import_runs.insert(), [{"outcome": "published", "paths": []} for _ in range(DAYS)])
        connection.execute(import_feeds.insert(), list(_feeds()))
        connection.execute(incidents.insert(), list(_incidents()))
        connection.exec_driver_sql("analyze")
    engine.dispose()


def _copy(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    """Write rows of the same keys; 73,000 by INSERT were most of what filling takes."""
    driver: Any = connection.connection.driver_connection
    first = next(rows)
    names = ", ".join(f'"{name}"' for name in first)
    with driver.cursor() as cursor, cursor.copy(f"copy {table.fullname} ({names}) from stdin") as copy:
        for row in chain([first], rows):
            copy.write_row([Jsonb(value) if isinstance(value, list) else value for value in row.values()])


def _runs(leagues: int) -> Iterator[dict[str, Any]]:
    for day in range(DAYS):
        at = NOW - timedelta(days=DAYS - 1 - day, hours=1)
        yield {
            "id": str(UUID(int=day)), "started_at": at, "finished_at": at, "today": at.date(), "selection": "all",
            "scoped": False, "score": 80 + day % 7, "gross": 80 + day % 7, "band": "watch", "formula": 1,
            "coverage": 1.0, "domains": {"schedule": 90 - day % 5, "teams": 100}, "snapshots": 1,
            "parts": {"league": {f"LEAGUE {n}": 60.0 + (7 * n + day) % 41 for n in range(leagues)}},
        }  # fmt: skip


def _results() -> Iterator[dict[str, Any]]:
    names = _names()
    chance = random.Random(7)  # noqa: S311 - sample data
    for day in range(DAYS):
        at = NOW - timedelta(days=DAYS - 1 - day, hours=1)
        for number, name in enumerate(names):
            rising = day // 10 * (number % 5 == 0)
            count = rising + chance.randrange(20)
            status = "OK" if count < 60 else "WARN"
            yield {
                "run_id": str(UUID(int=day)), "rule": name, "parameter": "", "at": at, "domain": "schedule",
                "severity": "MEDIUM", "status": status, "gross_status": status, "count": count, "total": 10_000,
                "rate": count / 10_000, "threshold": "warn above 1 %", "points": 0 if status == "OK" else 1,
                "waived": 0, "accepted": False, "exact": True, "examples": [{"id": number}], "clusters": [],
                "sql": "select 1", "seconds": 0.1, "error": "", "note": "",
            }  # fmt: skip


def _names() -> list[str]:
    from checks.engine.collecting.collect import collect  # noqa: PLC0415
    from checks.scopes import SOURCES  # noqa: PLC0415

    known = list(collect(SOURCES))[:RULES]
    return known + [f"rule_of_ones_own_{number}" for number in range(RULES - len(known))]


def _feeds() -> Iterator[dict[str, Any]]:
    for day in range(DAYS):
        at = NOW - timedelta(days=DAYS - 1 - day, hours=2)
        for kind in ("schedules", "series_stats"):
            yield {
                "run_id": day + 1, "path": "x", "kind": kind, "league": f"LEAGUE {day % 10}", "outcome": "published",
                "started_at": at, "finished_at": at + timedelta(minutes=3), "rows": 7_000, "records": 7_000,
                "updated": 3,
            }  # fmt: skip


def _incidents() -> Iterator[dict[str, Any]]:
    for number, name in enumerate(_names()):
        at = NOW - timedelta(days=number * 7, hours=1)
        yield {
            "rule": name, "domain": "schedule", "severity": "MEDIUM", "status": "WARN", "worst": "WARN",
            "summary": "x", "opened_at": at, "opened_run": "x", "seen_at": at, "seen_run": "x", "since": at,
            "resolved_at": at + timedelta(hours=5), "resolution": "gone",
        }  # fmt: skip


if __name__ == "__main__":
    main()
