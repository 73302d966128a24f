"""One import, the same from a flow and from the command line."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from checks.engine.run import Options as Checking
from etl.database import retried
from etl.feeds import Feed
from etl.importing import FeedResult, ImportReport
from etl.importing.import_feed import Allowance, Options, import_feed
from etl.importing.import_run import Importer, import_paths
from flows.service.context import open_engine
from flows.service.health_check import rules_of
from flows.service.import_gate import after_import, rule_gate
from flows.service.repair import snapshot_before
from flows.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a person wants imported, and how; `allow` names guards and gate rules that may be failed this once."""

    paths: Sequence[Path]
    force: bool = False
    dry_run: bool = False
    prune: bool = False
    wait: float = 0
    allow: Sequence[str] = ()
    reason: str = ""


def one_feed(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    """Import one feed, again where it failed for a passing reason."""
    return retried(lambda: import_feed(engine, feed, run, options))


def import_all(
    settings: Settings,
    delivery: Delivery,
    *,
    importer: Importer = one_feed,
    progress: Callable[[Feed, int], None] = lambda feed, count: None,
) -> ImportReport:
    """Import feeds into the database of the settings; each is published whole or not at all."""
    gate = rule_gate(rules_of(settings), Checking(timeout=settings.statement_timeout, details=False))
    allowance = Allowance(frozenset(delivery.allow), getpass.getuser(), delivery.reason)
    options = Options(
        force=delivery.force, dry_run=delivery.dry_run, prune=delivery.prune, allow=allowance, gate=gate,
        progress=progress,
    )  # fmt: skip
    paths = _paths(settings, delivery)
    with open_engine(settings, application="rally-health import") as engine:
        if delivery.prune and not delivery.dry_run:
            snapshot_before(engine, settings, "import --prune")
        report = import_paths(engine, paths, options, wait=delivery.wait, importer=importer)
        if settings.breaker:
            after_import(engine, report, allowed_by=getpass.getuser() if delivery.allow else "", why=delivery.reason)
        return report


def _paths(settings: Settings, delivery: Delivery) -> Sequence[Path]:
    if delivery.paths:
        return delivery.paths
    if settings.feeds is None:
        raise SettingsError("no feeds are named: give paths, or set RALLY_FEEDS to the folder that they arrive in")
    return [settings.feeds]
