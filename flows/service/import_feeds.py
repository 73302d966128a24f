"""One import, the same from a flow and from the command line."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.run import Options as Checking
from etl.feeds import Feed
from etl.importing import FeedResult, ImportReport
from etl.importing.import_feed import Allowance, Options, import_feed
from etl.importing.import_run import import_paths
from etl.kinds import KINDS, kind_named
from etl.migrate import require_platform
from flows.service.context import Invocation, open_engine
from flows.service.health_check import rules_of
from flows.service.import_gate import after_import, rule_gate
from flows.service.repair import snapshot_before
from flows.service.requests import ImportRequest
from flows.service.stops import announce_stop, settle_crashes
from flows.settings import Settings, SettingsError


def import_all(invocation: Invocation, request: ImportRequest) -> ImportReport:
    """Import feeds into the database of the settings; each is published whole or not at all."""
    settings, who = invocation.settings, getpass.getuser()
    gate = rule_gate(rules_of(settings), Checking(timeout=settings.statement_timeout, details=False))
    options = Options(
        force=request.force, dry_run=request.dry_run, prune=request.prune, gate=gate, progress=invocation.progress,
        allow=Allowance(frozenset(request.allow), who, request.reason),
        kinds=frozenset(map(kind_named, request.kinds)) or frozenset(KINDS),
    )  # fmt: skip
    paths = _paths(settings, request)

    def one_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
        name, what = f"import {feed.kind.name} of {feed.league}", "Import one feed, whole or not at all."
        result = invocation.step(name, lambda: import_feed(engine, feed, run, options), what=what)
        invocation.note(_line(run, result))
        return result

    with open_engine(settings, application="rally-health import") as engine:
        with engine.begin() as connection:
            require_platform(connection)
        if settings.breaker and not request.dry_run and settle_crashes(engine) is not None:
            announce_stop(invocation)
        if request.prune and not request.dry_run:
            snapshot_before(engine, settings, "import --prune")
        report = import_paths(engine, paths, options, wait=request.wait, importer=one_feed)
        if settings.breaker:
            stop = after_import(engine, report, allowed_by=who if request.allow else "", why=request.reason)
            if stop is not None:
                announce_stop(invocation)
        return report


def _paths(settings: Settings, request: ImportRequest) -> Sequence[Path]:
    if request.paths:
        return request.paths
    if settings.feeds is None:
        raise SettingsError("no feeds are named: give paths, or set RALLY_FEEDS to the folder that they arrive in")
    return [settings.feeds]


def _line(run: int, result: FeedResult) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in asdict(result.counts).items() if number)
    return f"import run {run}: {result.outcome}: {'; '.join([counts or 'nothing', *result.reasons])}"
