"""The flow that runs the rules and keeps what they found."""

from __future__ import annotations

from datetime import date

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Engine

from checks.engine.report import Report
from checks.engine.rules import Rules
from checks.engine.run import Request
from checks.health import examine
from flows.checking import Wish, check_health, chosen
from flows.context import surroundings
from flows.running import FIRST_DELAY, RETRIES, call, retry_transient


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
    domains: list[str] | None = None,
    tags: list[str] | None = None,
    severities: list[str] | None = None,
    names: list[str] | None = None,
    owners: list[str] | None = None,
    leagues: list[str] | None = None,
    today: date | None = None,
    keep: bool = True,
) -> Report:
    """Run a selection of the rules, keep the report in the database and as JSON, and return it.

    Several values of one option widen the selection, different options narrow it. `today` is the day that rules compare
    with. Without `keep` nothing is written.
    """
    around = surroundings()
    wish = Wish(chosen(domains, tags, severities, names, owners, leagues), today, keep=keep)
    return check_health(around.settings, wish, measure=_as_task, progress=around.checked)


def _as_task(engine: Engine, rules: Rules, request: Request, keep: bool) -> Report:
    return call(measure, engine, rules, request, keep)
