"""What a person finds in Prefect's UI about a run, as plain data: counts, rules and places, but no row and no key.

Events about incidents: what a run opened, worsened or closed, as the database has it.

What the data is, as assets of Prefect: the tables that imports write, and the health that checks measure of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prefect.assets import add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from sqlalchemy import Engine, Row, select

from checks.engine.authoring.units import Status
from checks.engine.reporting.report import Report, Result
from checks.render.formats import MARKS, plain
from checks.render.terminal import headline, tally
from etl.feeds import Kind
from etl.importing.results import Counts, FeedResult, ImportReport
from etl.tables import incident_events, incidents

MOST_FAILING = 50
SLUG = re.compile(r"[^a-z0-9]+")


def key(name: str, selection: str = "all") -> str:
    """The key of an artifact: one history for each selection of rules."""
    slug = SLUG.sub("-", selection.lower()).strip("-")
    return f"rally-{name}" if slug in {"", "all"} else f"rally-{name}-{slug}"[:200]


def score_text(report: Report) -> str:
    """The score of a run and of its domains, as Markdown."""
    domains = sorted(report.net.domains.items())
    rows = [f"| {plain(name)} | {'unknown' if value is None else value} |" for name, value in domains]
    lines = [f"# {headline(report)}", "", f"{tally(report)}.", "", "| domain | score |", "| --- | ---: |", *rows]
    remarks = [f"\n> {plain(remark)}" for remark in report.complaints]
    return "\n".join([*lines, *remarks, "", f"Run `{report.run}` of {report.today}, {plain(report.selection)}."])


def rules_table(report: Report) -> list[dict[str, Any]]:
    """One line for each result, worst first."""
    return [
        {
            "status": f"{MARKS[result.status]} {result.status}", "rule": result.title, "domain": result.domain,
            "severity": result.severity.value, "found": result.measurement, "change": result.change,
            "points": float(result.points), "threshold": result.threshold, "seconds": result.seconds,
        }
        for result in report.results
    ]  # fmt: skip


def failing_text(report: Report) -> str:
    """The rules that someone should look at, with where their bad rows are, as Markdown."""
    trouble = report.trouble
    lines = [line for result in trouble[:MOST_FAILING] for line in _failing(result)]
    if len(trouble) > MOST_FAILING:
        lines.append(f"{len(trouble) - MOST_FAILING} more are in the table of rules.")
    return "\n".join(lines) or "No rule is failing."


def import_table(report: ImportReport) -> list[dict[str, Any]]:
    """One line for each feed of an import."""
    figures = [name for name in Counts.__slots__ if name != "newly_unlinked"]
    return [
        {"feed": feed_name(feed), "outcome": feed.outcome.value}
        | {name: getattr(feed.counts, name) for name in figures}
        | {"reasons": "; ".join(feed.reasons)}
        for feed in report.feeds
    ]


def feed_name(feed: FeedResult) -> str:
    """A feed as people speak of it."""
    return f"{feed.kind.value} of {feed.league}"


def report_event(report: Report) -> Mapping[str, Any]:
    """What the event of a health check carries."""
    return {
        "run": report.run, "score": None if report.score is None else float(report.score), "band": report.band.value,
        "coverage": round(report.coverage, 4), "selection": report.selection,
        "counts": {status.value: number for status, number in report.counts().items()},
        "failing": [result.title for result in report.trouble][:MOST_FAILING],
    }  # fmt: skip


def feed_event(run: int, feed: FeedResult) -> Mapping[str, Any]:
    """What the event of an imported or refused feed carries."""
    counts = {name: getattr(feed.counts, name) for name in Counts.__slots__}
    return {"run": run, "kind": feed.kind.value, "league": feed.league, "reasons": list(feed.reasons), **counts}


def _failing(result: Result) -> Iterator[str]:
    yield f"### {MARKS[result.status]} {plain(result.title)}"
    yield ""
    told = f"could not be measured: {result.error}" if result.status is Status.ERROR else result.summary
    yield f"{plain(told)} {result.measurement}; {plain(result.threshold)}; -{result.points} points"
    yield ""
    yield from (f"- {plain(str(cluster))}" for cluster in result.clusters)
    if result.runbook:
        yield f"- runbook: {result.runbook}"
    yield ""


def emit_incidents(engine: Engine, run: str) -> None:
    """Send an event for each incident that a run touched."""
    events, own = incident_events.c, incidents.c
    columns = (events.kind, own.id, own.rule, own.parameter, own.severity, own.status)
    told = select(*columns).join_from(incident_events, incidents).where(events.run == run).order_by(events.id)
    with engine.begin() as connection:
        rows = connection.execute(told).all()
    for row in rows:
        _emit(row)


def _emit(row: Row[Any]) -> None:
    resource = {"prefect.resource.id": f"rally.rule.{row.rule}", "rally.severity": row.severity}
    payload = {"incident": row.id, "rule": row.rule, "parameter": row.parameter, "status": row.status}
    emit_event(f"rally.incident.{row.kind}", resource, payload=payload)


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
    return f"rally://health/{key('score', selection)}"


def _record(asset: str, name: str, told: dict[str, Any], after: Iterable[str] = ()) -> None:
    def record() -> None:
        add_asset_metadata(asset, told)

    materialize(asset, name=name, by=BY, asset_deps=[*after], cache_policy=NO_CACHE)(record)()
