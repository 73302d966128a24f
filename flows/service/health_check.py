"""One health check, the same from a flow and from the command line."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from alerts.outbox.enqueue import known as known_person
from checks.engine.collecting.rules import Rules, Selection
from checks.engine.reporting.report import Report
from checks.engine.run import Options, Request
from checks.feedback import delete_texts, link_complaints
from checks.health import Beside, examine
from checks.scopes import SOURCES
from etl.adoption.rights import READER, may_keep_history
from etl.database import retried
from etl.migrate import Mode, mode_of
from etl.retention import delete_expired
from flows.doors import watched
from flows.service.alerts import email_report, keep_incidents, policy_of, required_policy, send_alerts
from flows.service.catalogue import rules_of, unknown_leagues
from flows.service.context import Invocation, moment, open_engine, rule_account, today_here
from flows.service.import_gate import after_check
from flows.service.report_files import tidy, write_documents
from flows.service.requests import CheckRequest
from flows.settings import Settings

NO_RIGHT = "permission denied for "  # a table, a view, a schema; not what only a superuser may do
CATALOGUE = f"{SOURCES[0]}."
log = logging.getLogger("rally.check")


def check_health(invocation: Invocation, request: CheckRequest) -> Report:
    """Run rules on the database of the settings, and leave the report in its history and below `settings.reports`.

    The invocation's remarks stand among the report's complaints, and so does a document that could not be written.
    Raises SelectionError, PolicyError and SettingsError before a database is opened.
    """
    with watched(invocation, "health check") as run:
        report = _checked(run.invocation, request)
        run.reported(report)
    return report


def _checked(invocation: Invocation, request: CheckRequest) -> Report:
    settings, alert = invocation.settings, _alerts(invocation.settings, request)
    rules = request.selection.apply(rules_of(settings))
    beside = _incidents(settings, request, alert=alert)
    require_people(settings, request.email)
    what = "Run the rules on one snapshot of the database, and keep what they found."
    with (
        open_engine(settings, application="rally-health check", shared=True) as engine,
        rule_account(settings, engine) as account,
    ):
        rules, request, invocation = retried(partial(_fitting, engine, rules, request, invocation))
        invocation = replace(invocation, remarks=(*invocation.remarks, *filter(None, [account.warning])))
        asked = _engine_request(invocation, request, account.reader)

        def measure() -> Report:
            return examine(engine, rules, asked, keep=request.keep, since_last=request.since == "last", beside=beside)

        report = invocation.step("measure", measure, what=what)
        if request.keep:
            _after(engine, settings, request, report)
        complaints = (*report.complaints, *invocation.remarks, *_rights_missing(engine, report))
    report = replace(report, complaints=complaints)
    told = {"run": report.run, "score": report.score, "band": report.band.value, "coverage": round(report.coverage, 4)}
    log.info("health check: score %s, %s", report.score, report.band, extra={"told": told})
    if request.keep:
        report = write_documents(report, settings.reports, settings.serve_url)
        tidy_up(settings)
    _tell_people(invocation, request, report, alert=alert)
    return report


def _rights_missing(engine: Engine, report: Report) -> Iterator[str]:
    """What to do where rules ask about tables or columns that the account of checks may not read, as new rules do."""
    if not any(NO_RIGHT in (result.error or "") for result in report.results):
        return
    with engine.begin() as connection:
        init = "init --rules-only" if mode_of(connection) is Mode.RULES_ONLY else "init"
    yield (
        f"checks may read no column but those that rules asked about at the last init; next: rally-health {init}, or"
        " rally-health doctor"
    )


def _fitting(
    engine: Engine, rules: Rules, request: CheckRequest, invocation: Invocation
) -> tuple[Rules, CheckRequest, Invocation]:
    """What can be done on this database: no catalogue where there is no platform, no history by who may only read."""
    with engine.begin() as connection:
        strange = unknown_leagues(invocation.settings, connection)
        invocation = replace(invocation, remarks=(*invocation.remarks, *strange))
        if mode_of(connection) is Mode.RULES_ONLY:
            rules = rules.only(one for one in rules.values() if not one.function.__module__.startswith(CATALOGUE))
        if not request.keep or may_keep_history(connection):
            return rules, request, invocation
    remark = "this account may not write to the schema quality: no history is kept, and nobody is notified"
    invocation = replace(invocation, remarks=(*invocation.remarks, remark))
    return rules, request.model_copy(update={"keep": False}), invocation


def require_people(settings: Settings, names: Sequence[str]) -> None:
    """Raise SettingsError where no alert policy is set, PolicyError for a name that it does not have."""
    for name in names:
        known_person(required_policy(settings), name)


def _alerts(settings: Settings, request: CheckRequest) -> bool:
    """Whether what the alert policy promises is sent at once."""
    wanted = policy_of(settings) is not None if request.alert is None else request.alert
    return wanted and request.keep


def _engine_request(invocation: Invocation, request: CheckRequest, reader: Engine | None) -> Request:
    settings = invocation.settings
    options = Options(
        workers=request.workers,
        role=READER,
        reader=reader,
        timeout=settings.statement_timeout,
        floor=settings.coverage_floor / 100,
    )
    return Request(
        now=moment(request.today, settings.zone), today=request.today or today_here(settings.zone),
        another_day=_of_another_day(request, settings),
        selection=request.selection, progress=invocation.checked, around=invocation.unit_hook, options=options,
    )  # fmt: skip


def _after(engine: Engine, settings: Settings, request: CheckRequest, report: Report) -> None:
    """What follows from a report that is kept: imports may be stopped, and what was kept long enough is deleted."""
    if settings.breaker and not report.another_day:
        after_check(engine, report)
    with engine.begin() as connection:
        link_complaints(connection, report.finished)
        old = datetime.now(UTC) - timedelta(days=settings.keep_rows)
        gone, _ = delete_expired(connection, old), delete_texts(connection, old)
    if gone.rejects or gone.copies:
        told = {"rejects": gone.rejects, "copies": gone.copies, "days": settings.keep_rows}
        log.info("rows that were kept long enough are deleted", extra={"told": told})


def _tell_people(invocation: Invocation, request: CheckRequest, report: Report, *, alert: bool) -> None:
    if alert:
        invocation.step("send alerts", lambda: send_alerts(invocation), what="Send what the alert policy promises.")
    if request.email:
        sent = invocation.step("e-mail", lambda: email_report(invocation.settings, report, request.email))
        invocation.outcome.undelivered += sent.dead + sent.waiting


def _incidents(settings: Settings, request: CheckRequest, *, alert: bool) -> Beside:
    """Opens and closes incidents; a check of another day is about what might have been, and tells nobody."""
    policy = required_policy(settings) if alert else None
    if _of_another_day(request, settings):
        return lambda connection, report: None
    scope = str(Selection(scope=request.selection.scope)) if request.leagues else ""
    return lambda connection, report: keep_incidents(connection, report, policy, scope)


def tidy_up(settings: Settings) -> None:
    """Compress and delete what is old among logs and reports."""
    days = {"logs": timedelta(days=settings.keep_logs), "reports": timedelta(days=settings.keep_reports)}
    tidy(settings.reports, datetime.now(UTC), **days)


def _of_another_day(request: CheckRequest, settings: Settings) -> bool:
    return request.today not in {None, today_here(settings.zone)}
