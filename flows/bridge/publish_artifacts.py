"""Shows what came of a run in Prefect: artifacts, a task run for each rule, events, assets.

The progress of a long import as an artifact that updates itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
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
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.states import Completed, Failed

from checks.engine.authoring.units import Status
from checks.engine.reporting.report import Report, Result
from etl.feeds import Feed
from etl.importing.results import FeedResult, ImportReport, Outcome
from flows.bridge import artifacts
from flows.bridge.artifacts import emit_incidents
from flows.bridge.flow_run import tell
from flows.service.context import open_engine, surroundings
from flows.service.ending import headline
from flows.service.report_files import document_path

RULES = "All rules, worst first"
FAILING = "What to look at, and where"
RED = {Status.CRITICAL, Status.ERROR}
MOST_VERDICTS = 150


def show_report(report: Report) -> None:
    """Show a health check."""
    if FlowRunContext.get() is None:
        return
    name = report.selection
    score, failing = artifacts.score_text(report), artifacts.failing_text(report)
    keys = {each: artifacts.key(each, name) for each in ("score", "rules", "failing", "report")}
    tell(lambda: create_markdown_artifact(score, key=keys["score"], description=headline(report)))
    tell(lambda: create_table_artifact(artifacts.rules_table(report), key=keys["rules"], description=RULES))
    tell(lambda: create_markdown_artifact(failing, key=keys["failing"], description=FAILING))
    page = document_path(report, surroundings().settings.reports, "html")
    if page.exists():  # a run without history leaves none
        tell(lambda: create_link_artifact(_link(page), "The report", key=keys["report"], description=report.run))
    tell(lambda: _verdicts(report))
    tell(lambda: _events(report))
    tell(lambda: artifacts.measured(report))


def _events(report: Report) -> None:
    score = "unknown" if report.score is None else str(report.score)
    source = f"rally.health.{artifacts.key('score', report.selection)}"
    resource = {"prefect.resource.id": source, "rally.band": report.band.value}
    emit_event("rally.health.reported", resource | {"rally.score": score}, payload=dict(artifacts.report_event(report)))
    with open_engine(surroundings().settings, application="rally-health news") as engine:
        emit_incidents(engine, report.run)


def show_import(report: ImportReport) -> None:
    """Show an import."""
    if FlowRunContext.get() is None:
        return
    rows, run = artifacts.import_table(report), f"Import run {report.run}"
    tell(lambda: create_table_artifact(rows, key=artifacts.key("import"), description=run))
    for feed in report.feeds:
        tell(lambda feed=feed: _tell_of(report, feed))  # type: ignore[misc]


def _tell_of(report: ImportReport, feed: FeedResult) -> None:
    if feed.outcome is Outcome.UNCHANGED or report.dry_run:
        return
    resource = {"prefect.resource.id": f"rally.feed.{feed.kind.value}.{feed.league}".lower(),
                "rally.league": feed.league}  # fmt: skip
    emit_event(f"rally.import.{feed.outcome.value}", resource, payload=dict(artifacts.feed_event(report.run, feed)))
    if feed.outcome is Outcome.PUBLISHED:
        artifacts.published(feed)


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
            key = f"rally-progress-{feed.kind.value.replace('_', '-')}"
            what = f"{feed.kind.value} of {feed.league}, bytes read"
            self.bars[feed] = create_progress_artifact(percent, key=key, description=what)  # type: ignore[assignment]
