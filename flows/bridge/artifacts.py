"""What a person finds in Prefect about a run: artifacts, events, assets.

All of it is counts, rules and places, but no row and no key. The assets are the tables that imports write, and the
health that checks measure of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.assets import add_asset_metadata, materialize
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.events import emit_event
from sqlalchemy import Engine, select

from checks.engine.authoring.units import Status
from checks.engine.reporting.report import Report, Result
from checks.render.by_rule import by_rule, worst_members
from checks.render.formats import MARKS, page_links, plain
from checks.render.terminal import headline, tally
from etl.importing import Counts, FeedResult, ImportReport, Outcome
from etl.importing.profile import column_words
from etl.kinds import KINDS, kind_named
from etl.leagues import ALL
from etl.tables import incident_events, incidents
from flows.bridge.flow_run import tell
from flows.bridge.task_runs import rule_task_runs
from flows.service.context import current_invocation, open_engine
from flows.service.ending import state_message
from flows.service.repair import Repairs, plans_table
from flows.service.report_files import document_path

if TYPE_CHECKING:
    from checks.review.section import Review

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
    """One line for each rule, worst first."""
    return [
        {
            "status": f"{MARKS[result.status]} {result.status}", "rule": result.title, "domain": result.domain,
            "severity": result.severity.value, "found": result.measurement, "change": result.change,
            "points": float(result.points), "threshold": result.threshold, "seconds": result.seconds,
        }
        for result in by_rule(report.results)
    ]  # fmt: skip


def failing_text(report: Report) -> str:
    """The rules that someone should look at, with where their bad rows are, as Markdown."""
    trouble = [line for line in by_rule(report.results) if line.trouble]
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


def changes_table(report: ImportReport) -> list[dict[str, Any]]:
    """One line for each league's part of a feed that was planned: what it changes, or would have; counts alone."""
    figures = ("new", "changed", "unchanged", "gone", "duplicates", "rejects", "unlinked", "newly_unlinked", "mended")
    return [
        {"feed": f"{feed.kind} of {part.league or ALL}", "outcome": part.outcome.value}
        | {name: part.profile[name] for name in figures}
        | {"columns": "; ".join(column_words(part.profile)), "corrected": ", ".join(part.profile["corrected"])}
        for feed in report.feeds
        for part in feed.parts
        if part.profile
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
        "failing": [line.title for line in by_rule(report.results) if line.trouble][:MOST_FAILING],
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
    if result.members:
        yield f"- worst: {plain(worst_members(result))}"
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


def _emit(row: Any) -> None:
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
    figures = {
        "score": score, "band": report.band.value, "coverage": round(report.coverage, 4), "domains": domains,
        "bad rows": sum(result.count or 0 for result in report.trouble), "run": report.run,
    }  # fmt: skip
    _record(health_key(report.selection), "measure health", figures, after=table_keys())


def table_key(table: str) -> str:
    """The asset of a table."""
    return f"postgres://rally/public/{table}"


def table_keys() -> list[str]:
    """The assets of all tables that feeds are published to."""
    return [table_key(table.name) for kind in KINDS for table in kind.tables]


def health_key(selection: str) -> str:
    """The asset of the health, one for each selection of rules as with artifacts."""
    return f"rally://health/{key('score', selection)}"


def _record(asset: str, name: str, figures: dict[str, Any], after: Iterable[str] = ()) -> None:
    def record() -> None:
        add_asset_metadata(asset, figures)

    materialize(asset, name=name, by=BY, asset_deps=[*after], cache_policy=NO_CACHE)(record)()


RULES = "All rules, worst first"
FAILING = "What to look at, and where"


def show_report(report: Report) -> None:
    """Show a health check."""
    if FlowRunContext.get() is None:
        return
    name = report.selection
    score, failing = score_text(report), failing_text(report)
    keys = {each: key(each, name) for each in ("score", "rules", "failing", "report", "page")}
    tell(lambda: create_markdown_artifact(score, key=keys["score"], description=state_message(report)))
    tell(lambda: create_table_artifact(rules_table(report), key=keys["rules"], description=RULES))
    tell(lambda: create_markdown_artifact(failing, key=keys["failing"], description=FAILING))
    page = document_path(report, current_invocation().settings.reports, "html")
    if page.exists():  # a run without history leaves none
        tell(lambda: create_link_artifact(_link(page), "The report", key=keys["report"], description=report.run))
    if serve_url := current_invocation().settings.serve_url:
        shown = page_links(serve_url)("run", report.run)
        tell(lambda: create_link_artifact(shown, "The run on the operator's page", key=keys["page"], description=name))
    tell(lambda: rule_task_runs(report))
    tell(lambda: _events(report))
    tell(lambda: measured(report))


def _events(report: Report) -> None:
    score = "unknown" if report.score is None else str(report.score)
    source = f"rally.health.{key('score', report.selection)}"
    resource = {"prefect.resource.id": source, "rally.band": report.band.value}
    emit_event("rally.health.reported", resource | {"rally.score": score}, payload=dict(report_event(report)))
    with open_engine(current_invocation().settings, application="rally-health news") as engine:
        emit_incidents(engine, report.run)


def show_import(report: ImportReport) -> None:
    """Show an import."""
    if FlowRunContext.get() is None:
        return
    rows, run = import_table(report), f"Import run {report.run}"
    tell(lambda: create_table_artifact(rows, key=key("import"), description=run))
    if changes := changes_table(report):
        tell(lambda: create_table_artifact(changes, key=key("import-changes"), description=f"{run}: what it changes"))
    for feed in report.feeds:
        tell(lambda feed=feed: _feed_event(report, feed))  # type: ignore[misc]


def _feed_event(report: ImportReport, feed: FeedResult) -> None:
    if feed.outcome is Outcome.UNCHANGED or report.dry_run:
        return
    resource = {"prefect.resource.id": f"rally.feed.{feed.kind}.{feed.league}".lower(),
                "rally.league": feed.league}  # fmt: skip
    emit_event(f"rally.import.{feed.outcome.value}", resource, payload=dict(feed_event(report.run, feed)))
    if feed.outcome is Outcome.PUBLISHED:
        published(feed)


def _link(page: Path) -> str:
    base = current_invocation().settings.reports_url
    return f"{base.rstrip('/')}/{page.name}" if base else page.absolute().as_uri()


def show_repairs(done: Repairs) -> None:
    """Show what became of the approved plans."""
    if done.made:
        rows = [row | {"why": made.why} for made in done.made for row in plans_table([made.repair])]
        create_table_artifact(rows, key=key("repairs"), description="What was approved, and became of it")


def show_review(review: Review) -> None:
    """Show a report about many runs: its headline, and a link to the page."""
    if FlowRunContext.get() is None:
        return
    # sections know what draws and fits, which takes a second to import
    from checks.review.sections.figures import DAILY_FIGURES  # noqa: PLC0415
    from checks.review.sections.process import PROCESS_METRICS  # noqa: PLC0415

    kind = review.period.kind.value
    lines = [f"# {plain(review.headline)}", "", f"{kind} report, {review.period}", ""]
    lines += [f"- {plain(str(metric.figure))}" for metric in review.of(DAILY_FIGURES)]
    lines += [f"- {plain(str(figure))}" for figure in review.of(PROCESS_METRICS)]
    create_markdown_artifact("\n".join(lines), key=key("review", kind), description=review.headline)
    page = current_invocation().settings.reports / f"review_{kind}_{review.period.until:%Y%m%d}.html"
    link = key("review-page", kind)
    create_link_artifact(_link(page), "The report", key=link, description=f"{kind} report")
