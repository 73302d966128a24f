"""What a person finds in Prefect's UI about a run, as plain data: counts, rules and places, but no row and no key.

Events about incidents: what a run opened, worsened or closed, as the database has it.

What the data is, as assets of Prefect: the tables that imports write, and the health that checks measure of them.

Shows what came of a run in Prefect: artifacts, a task run for each rule, events, assets.

The progress of a long import as an artifact that updates itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.assets import add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.states import Completed, Failed
from sqlalchemy import Engine, Row, select

from checks.engine.authoring.units import Status
from checks.engine.reporting.report import Report, Result
from checks.render.formats import MARKS, plain
from checks.render.terminal import headline, tally
from etl.feeds import Feed
from etl.importing import Counts, FeedResult, ImportReport, Outcome
from etl.kinds import KINDS, kind_named
from etl.tables import incident_events, incidents
from flows.bridge.flow_run import tell
from flows.service.context import open_engine, surroundings
from flows.service.ending import state_message
from flows.service.report_files import document_path

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
    return f"{feed.kind} of {feed.league}"


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
    return {"run": run, "kind": feed.kind, "league": feed.league, "reasons": list(feed.reasons), **counts}


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


BY = "rally-health"


def published(feed: FeedResult) -> None:
    """Record the tables of a feed as written, with the rows that it brought."""
    counts = {name: getattr(feed.counts, name) for name in ("inserted", "updated", "unchanged", "withdrawn")}
    for table in kind_named(feed.kind).tables:
        _record(table_key(table.name), f"publish {table.name}", {"league": feed.league, **counts})


def measured(report: Report) -> None:
    """Record the health as measured, with score and counts; it comes from the tables."""
    score = None if report.score is None else float(report.score)
    domains = {name: None if value is None else float(value) for name, value in report.net.domains.items()}
    told = {
        "score": score, "band": report.band.value, "coverage": round(report.coverage, 4), "domains": domains,
        "bad rows": sum(result.count or 0 for result in report.trouble), "run": report.run,
    }  # fmt: skip
    _record(health_key(report.selection), "measure health", told, after=table_keys())


def table_key(table: str) -> str:
    """The asset of a table."""
    return f"postgres://rally/public/{table}"


def table_keys() -> list[str]:
    """The assets of all tables that feeds are published to."""
    return [table_key(table.name) for kind in KINDS for table in kind.tables]


def health_key(selection: str) -> str:
    """The asset of the health, one for each selection of rules as with artifacts."""
    return f"rally://health/{key('score', selection)}"


def _record(asset: str, name: str, told: dict[str, Any], after: Iterable[str] = ()) -> None:
    def record() -> None:
        add_asset_metadata(asset, told)

    materialize(asset, name=name, by=BY, asset_deps=[*after], cache_policy=NO_CACHE)(record)()


RULES = "All rules, worst first"
FAILING = "What to look at, and where"
RED = {Status.CRITICAL, Status.ERROR}
MOST_VERDICTS = 150


def show_report(report: Report) -> None:
    """Show a health check."""
    if FlowRunContext.get() is None:
        return
    name = report.selection
    score, failing = score_text(report), failing_text(report)
    keys = {each: key(each, name) for each in ("score", "rules", "failing", "report")}
    tell(lambda: create_markdown_artifact(score, key=keys["score"], description=state_message(report)))
    tell(lambda: create_table_artifact(rules_table(report), key=keys["rules"], description=RULES))
    tell(lambda: create_markdown_artifact(failing, key=keys["failing"], description=FAILING))
    page = document_path(report, surroundings().settings.reports, "html")
    if page.exists():  # a run without history leaves none
        tell(lambda: create_link_artifact(_link(page), "The report", key=keys["report"], description=report.run))
    tell(lambda: _verdicts(report))
    tell(lambda: _events(report))
    tell(lambda: measured(report))


def _events(report: Report) -> None:
    score = "unknown" if report.score is None else str(report.score)
    source = f"rally.health.{key('score', report.selection)}"
    resource = {"prefect.resource.id": source, "rally.band": report.band.value}
    emit_event("rally.health.reported", resource | {"rally.score": score}, payload=dict(report_event(report)))
    with open_engine(surroundings().settings, application="rally-health news") as engine:
        emit_incidents(engine, report.run)


def show_import(report: ImportReport) -> None:
    """Show an import."""
    if FlowRunContext.get() is None:
        return
    rows, run = import_table(report), f"Import run {report.run}"
    tell(lambda: create_table_artifact(rows, key=key("import"), description=run))
    for feed in report.feeds:
        tell(lambda feed=feed: _tell_of(report, feed))  # type: ignore[misc]


def _tell_of(report: ImportReport, feed: FeedResult) -> None:
    if feed.outcome is Outcome.UNCHANGED or report.dry_run:
        return
    resource = {"prefect.resource.id": f"rally.feed.{feed.kind}.{feed.league}".lower(),
                "rally.league": feed.league}  # fmt: skip
    emit_event(f"rally.import.{feed.outcome.value}", resource, payload=dict(feed_event(report.run, feed)))
    if feed.outcome is Outcome.PUBLISHED:
        published(feed)


def _link(page: Path) -> str:
    base = surroundings().settings.reports_url
    return f"{base.rstrip('/')}/{page.name}" if base else page.absolute().as_uri()


def _verdicts(report: Report) -> None:
    """A task run for each rule, named by it; red on the timeline where it is CRITICAL or could not be measured."""
    for result in _one_a_rule(report.results):
        each = _verdict.with_options(
            name=result.rule, task_run_name=f"{result.rule} ({result.severity}, {result.domain})",
            description=result.summary,
        )  # fmt: skip
        each(result, return_state=True)


@task(cache_policy=NO_CACHE, persist_result=False)
def _verdict(result: Result) -> State[Any]:
    make = Failed if result.trouble and result.status in RED else Completed
    said = f"{result.title}: {result.error or result.measurement or result.note or 'nothing to measure'}"
    state: State[Any] = make(name=result.status.value.capitalize(), message=said)
    return state


def _one_a_rule(results: Iterable[Result]) -> list[Result]:
    """The worst result of each rule: results stand worst first."""
    worst: dict[str, Result] = {}
    for result in results:
        worst.setdefault(result.rule, result)
    return list(worst.values())[:MOST_VERDICTS]


Told = Callable[[Feed, int], None]
EVERY_SECONDS = 5.0


@contextmanager
def shown_in_prefect(also: Told) -> Iterator[Told]:
    """Who to tell of bytes read: the caller's own listener and, inside a flow run, an artifact for each long feed."""
    if FlowRunContext.get() is None:
        yield also
        return
    shown = _Shown(also)
    yield shown.read
    shown.end()


@dataclass(slots=True)
class _Shown:
    also: Told
    seen: dict[Feed, int] = field(default_factory=dict)
    bars: dict[Feed, UUID] = field(default_factory=dict)
    told: float = field(default_factory=time.monotonic)

    def read(self, feed: Feed, count: int) -> None:
        self.also(feed, count)
        self.seen[feed] = self.seen.get(feed, 0) + count
        if time.monotonic() - self.told > EVERY_SECONDS:
            tell(lambda: self._show(feed, min(99.0, 100 * self.seen[feed] / max(feed.path.stat().st_size, 1))))
            self.told = time.monotonic()

    def end(self) -> None:
        """A bar that was begun ends full."""
        for feed in self.bars:
            tell(lambda feed=feed: self._show(feed, 100.0))  # type: ignore[misc]

    def _show(self, feed: Feed, percent: float) -> None:
        if feed in self.bars:
            update_progress_artifact(self.bars[feed], percent)
        else:
            key = f"rally-progress-{feed.kind.name.replace('_', '-')}"
            what = f"{feed.kind.name} of {feed.league}, bytes read"
            self.bars[feed] = create_progress_artifact(percent, key=key, description=what)  # type: ignore[assignment]
