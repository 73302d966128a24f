"""What a person finds in Prefect's UI about a run, as plain data: counts, rules and places, but no row and no key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result
from checks.render.markdown import MARKS, plain
from checks.render.words import headline, tally
from etl.importing.results import Counts, FeedResult, ImportReport

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
