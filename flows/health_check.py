"""The flow that runs the rules and keeps what they found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Engine

from checks.engine.collect import collect
from checks.engine.report import Report
from checks.engine.rules import Rules
from checks.engine.run import Options, Request
from checks.engine.selection import Selection
from checks.health import examine
from checks.scopes import SOURCES
from etl.roles import READER
from flows.context import surroundings
from flows.database import open_engine
from flows.running import FIRST_DELAY, RETRIES, call, retry_transient
from flows.settings import Settings


@task(
    name="measure",
    retries=RETRIES,
    retry_delay_seconds=[FIRST_DELAY, FIRST_DELAY * 3, FIRST_DELAY * 9],
    retry_jitter_factor=0.5,
    retry_condition_fn=retry_transient,
    cache_policy=NO_CACHE,
)
def measure(engine: Engine, rules: Rules, request: Request, keep: bool) -> Report:
    """Run the rules on one snapshot, and keep what they found."""
    return examine(engine, rules, request, keep=keep)


@flow(name="health-check")
def health_check(
    *,
    domains: Sequence[str] = (),
    tags: Sequence[str] = (),
    severities: Sequence[str] = (),
    names: Sequence[str] = (),
    owners: Sequence[str] = (),
    leagues: Sequence[str] = (),
    today: date | None = None,
    keep: bool = True,
) -> Report:
    """Run a selection of the rules, keep the report in the database and as JSON, and return it.

    Several values of one option widen the selection, different options narrow it. `today` is the day that rules compare
    with. Without `keep` nothing is written.
    """
    around = surroundings()
    scope = {"league": tuple(leagues)} if leagues else {}
    selection = Selection(
        domains=tuple(domains), tags=tuple(tags), severities=tuple(severities), names=tuple(names),
        owners=tuple(owners), scope=scope,
    )  # fmt: skip
    options = Options(role=READER, timeout=around.settings.statement_timeout)
    request = Request(now=datetime.now(UTC), today=today, selection=selection, options=options, progress=around.checked)
    with open_engine(around.settings, application="rally-health check") as engine:
        report = call(measure, engine, rules_of(around.settings), request, keep)
    if keep:
        write_report(report, around.settings.reports)
    return report


def rules_of(settings: Settings) -> Rules:
    """The catalogue, the settings' own rules and those of installed packages."""
    return collect([*SOURCES, *settings.rules], plugins=True)


def write_report(report: Report, folder: Path) -> Path:
    """Write the report's JSON document below `folder`, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"monitoring_report_{report.started:%Y%m%d_%H%M%S}.json"
    path.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    return path
