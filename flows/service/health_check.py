"""One health check, the same from a flow and from the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from checks.engine.collecting.collect import collect
from checks.engine.collecting.overrides import override_rules
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Progress, Request
from checks.health import Beside, examine
from checks.ready.lines import overrides_of, rules_of_lines
from checks.scopes import SOURCES
from etl.migrate import READER
from etl.retention import delete_expired
from flows.service.alerts import keep_incidents, required_policy
from flows.service.context import open_engine
from flows.service.import_gate import after_check
from flows.service.report_files import tidy, write_documents
from flows.settings import Settings

log = logging.getLogger("rally.check")

Measure = Callable[[Engine, Rules, Request, Beside | None], Report]
"""Runs rules; what is given beside is written with the report, with None nothing is kept."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants checked: which rules, on which day, by how many connections, and whether to remember it.

    With `alert`, what the alert policy promises is put into the outbox together with the results.
    """

    selection: Selection = field(default_factory=Selection)
    today: date | None = None
    workers: int = 4
    keep: bool = True
    alert: bool = False


def check_health(
    settings: Settings,
    wish: Wish,
    *,
    measure: Measure | None = None,
    progress: Callable[[Progress], None] | None = None,
    remarks: Sequence[str] = (),
) -> Report:
    """Run rules on the database of the settings, and leave the report in its history and below `settings.reports`.

    `remarks` of the caller stand among the report's complaints, and so does a document that could not be written.
    Raises SelectionError before a database is opened.
    """
    rules, beside = rules_of(settings), _incidents(settings, wish)
    wish.selection.apply(rules)
    request = Request(
        now=moment(wish.today), today=wish.today or today_here(), selection=wish.selection, progress=progress,
        options=Options(workers=wish.workers, role=READER, timeout=settings.statement_timeout),
    )  # fmt: skip
    with open_engine(settings, application="rally-health check") as engine:
        report = (measure or examined)(engine, rules, request, beside if wish.keep else None)
        if wish.keep and settings.breaker and wish.today in {None, today_here()}:
            after_check(engine, report)
        if wish.keep:
            _forget(engine, settings)
    report = replace(report, complaints=(*report.complaints, *remarks))
    told = {"run": report.run, "score": report.score, "band": report.band.value, "coverage": round(report.coverage, 4)}
    log.info("health check: score %s, %s", report.score, report.band, extra={"told": told})
    if wish.keep:
        report = write_documents(report, settings.reports)
        tidy_up(settings)
    return report


def _forget(engine: Engine, settings: Settings) -> None:
    with engine.begin() as connection:
        gone = delete_expired(connection, datetime.now(UTC) - timedelta(days=settings.keep_rows))
    if gone.rejects or gone.copies:
        told = {"rejects": gone.rejects, "copies": gone.copies, "days": settings.keep_rows}
        log.info("rows that were kept long enough are deleted", extra={"told": told})


def examined(engine: Engine, rules: Rules, request: Request, beside: Beside | None) -> Report:
    """Run rules, and keep the report with what is written beside it."""
    if beside is None:
        return examine(engine, rules, request, keep=False)
    return examine(engine, rules, request, beside=beside)


def _incidents(settings: Settings, wish: Wish) -> Beside:
    """Opens and closes incidents; a check of another day is about what might have been, and tells nobody."""
    policy = required_policy(settings) if wish.alert else None
    if wish.today not in {None, today_here()}:
        return lambda connection, report: None
    scope = str(Selection(scope=wish.selection.scope)) if wish.selection.scope else ""
    return lambda connection, report: keep_incidents(connection, report, policy, scope)


def rules_of(settings: Settings) -> Rules:
    """The catalogue, the rules that the settings name, and those of installed plugins, as the settings change them."""
    lines = settings.rules
    rules = collect([*SOURCES, *settings.rule_sources], plugins=True, more=rules_of_lines(lines))
    return override_rules(rules, overrides_of(lines))


def moment(today: date | None) -> datetime:
    """The moment that rules compare with: now, or the end of another day."""
    if today is None or today == today_here():
        return datetime.now(UTC)
    return datetime(today.year, today.month, today.day, 23, 59, 59, tzinfo=UTC)


def tidy_up(settings: Settings) -> None:
    """Compress and delete what is old among logs and reports."""
    days = {"logs": timedelta(days=settings.keep_logs), "reports": timedelta(days=settings.keep_reports)}
    tidy(settings.reports, datetime.now(UTC), **days)


def chosen(  # noqa: PLR0917 - the options, in the order of the help
    domains: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    severities: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    owners: Sequence[str] | None = None,
    leagues: Sequence[str] | None = None,
) -> Selection:
    """The selection that some lists say; empty lists and None select everything."""
    return Selection(
        domains=tuple(domains or ()), tags=tuple(tags or ()), severities=tuple(severities or ()),
        names=tuple(names or ()), owners=tuple(owners or ()), scope={"league": tuple(leagues)} if leagues else {},
    )  # fmt: skip


def today_here() -> date:
    """The day where the operator lives."""
    return datetime.now().astimezone().date()
