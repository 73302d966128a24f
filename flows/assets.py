"""What the data is, as assets of Prefect: the tables that imports write, and the health that checks measure of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect.assets import add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE

from checks.engine.report import Report
from etl.feeds import Kind
from etl.importing.results import FeedResult
from flows import artifacts

TABLES = {
    Kind.SERIES_STATS: ("series_stats", "teams"),
    Kind.PLAYERS: ("players",),
    Kind.SCHEDULES: ("schedule",),
    Kind.MATCH_HISTORY: ("match_scores",),
}
"""The tables that a kind of feed is published to."""
BY = "rally-health"


def published(feed: FeedResult) -> None:
    """Record the tables of a feed as written, with the rows that it brought."""
    counts = {name: getattr(feed.counts, name) for name in ("inserted", "updated", "unchanged", "withdrawn")}
    for table in TABLES[feed.kind]:
        _record(table_key(table), f"publish {table}", {"league": feed.league, **counts})


def measured(report: Report) -> None:
    """Record the health as measured, with score and counts; it comes from the tables."""
    score = None if report.score is None else float(report.score)
    domains = {name: None if value is None else float(value) for name, value in report.net.domains.items()}
    told = {
        "score": score, "band": report.band.value, "coverage": round(report.coverage, 4), "domains": domains,
        "bad rows": sum(result.count or 0 for result in report.trouble), "run": report.run,
    }  # fmt: skip
    tables = [table_key(table) for tables in TABLES.values() for table in tables]
    _record(health_key(report.selection), "measure health", told, after=tables)


def table_key(table: str) -> str:
    """The asset of a table."""
    return f"postgres://rally/public/{table}"


def health_key(selection: str) -> str:
    """The asset of the health, one for each selection of rules as with artifacts."""
    return f"rally://health/{artifacts.key('score', selection)}"


def _record(asset: str, name: str, told: dict[str, Any], after: Iterable[str] = ()) -> None:
    def record() -> None:
        add_asset_metadata(asset, told)

    materialize(asset, name=name, by=BY, asset_deps=[*after], cache_policy=NO_CACHE)(record)()
