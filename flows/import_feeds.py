"""The flow that imports feeds."""

from __future__ import annotations

import getpass
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Engine

from checks.engine.run import Options as Checking
from etl.feeds import Feed
from etl.importing.batch import import_paths
from etl.importing.options import Allowance, Options
from etl.importing.results import FeedResult, ImportReport
from etl.importing.run import import_feed
from flows.checking import rules_of
from flows.context import surroundings
from flows.database import open_engine
from flows.gate import rule_gate
from flows.running import FIRST_DELAY, RETRIES, call, retry_transient


@task(
    name="import feed",
    task_run_name="import {feed.kind} of {feed.league}",
    retries=RETRIES,
    retry_delay_seconds=[FIRST_DELAY, FIRST_DELAY * 3, FIRST_DELAY * 9],
    retry_jitter_factor=0.5,
    retry_condition_fn=retry_transient,
    cache_policy=NO_CACHE,
)
def import_one(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    """Import one feed, whole or not at all."""
    return import_feed(engine, feed, run, options)


@flow(name="import-feeds")
def import_feeds(
    paths: list[str],
    *,
    force: bool = False,
    dry_run: bool = False,
    prune: bool = False,
    wait: float = 0,
    allow: list[str] | None = None,
    allow_reason: str = "",
) -> ImportReport:
    """Import the feeds below `paths`: files, folders of a league, or trees; each is published on its own.

    `force` imports what was published before, `dry_run` does everything but the commit, `prune` deletes rows that a
    feed has withdrawn, `wait` is how many seconds to wait for another import. `allow` names guards and gate rules that
    may be failed this once, for the recorded `allow_reason`.
    """
    around = surroundings()
    gate = rule_gate(rules_of(around.settings), Checking(timeout=around.settings.statement_timeout, details=False))
    allowance = Allowance(frozenset(allow or ()), getpass.getuser(), allow_reason)
    options = Options(
        force=force, dry_run=dry_run, prune=prune, allow=allowance, gate=gate, progress=around.progress
    )  # fmt: skip
    with open_engine(around.settings, application="rally-health import") as engine:
        return import_paths(engine, [Path(path) for path in paths], options, wait=wait, importer=_as_task)


def _as_task(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    return call(import_one, engine, feed, run, options)
