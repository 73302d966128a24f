"""The flow that imports feeds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from sqlalchemy import Engine

from etl.feeds import Feed
from etl.importing import FeedResult, ImportReport
from etl.importing.import_feed import Options, import_feed
from flows.bridge.artifacts import show_import, shown_in_prefect
from flows.bridge.flow_run import call, run_body, tell
from flows.bridge.zombies import note_crash
from flows.service.context import Surroundings
from flows.service.ending import of_import
from flows.service.import_feeds import Delivery, import_all


@flow(name="import-feeds", flow_run_name="import of feeds", on_crashed=[note_crash], on_cancellation=[note_crash])
def import_feeds(
    paths: list[str] | None = None,
    *,
    force: bool = False,
    dry_run: bool = False,
    prune: bool = False,
    wait: float = 0,
    allow: list[str] | None = None,
    allow_reason: str = "",
) -> State[ImportReport]:
    """Import the feeds below `paths`: files, folders of a league, or trees; each is published on its own.

    Without `paths` the folder of RALLY_FEEDS is taken. `force` imports what was published before, `dry_run` does
    everything but the commit, `prune` deletes rows that a feed has withdrawn, `wait` is how many seconds to wait for
    another import. `allow` names guards and gate rules that may be failed this once, for the recorded `allow_reason`.

    Final states: Published, Unchanged, Blocked (the gate refused a feed), Refused (FAILED: a feed cannot be read).
    """
    where = [Path(path) for path in paths or ()]
    delivery = Delivery(where, force, dry_run, prune, wait, allow or (), allow_reason)

    def body(around: Surroundings) -> ImportReport:
        with shown_in_prefect(around.progress) as progress:
            return import_all(around.settings, delivery, importer=_as_step, progress=progress)

    return run_body(body, of_import, show_import)


def _as_step(engine: Engine, feed: Feed, run: int, options: Options) -> FeedResult:
    def work() -> FeedResult:
        result = import_feed(engine, feed, run, options)
        tell(lambda: _log(run, result))
        return result

    return call(f"import {feed.kind.name} of {feed.league}", work, what="Import one feed, whole or not at all.")


def _log(run: int, result: FeedResult) -> None:
    counts = ", ".join(f"{number} {name}" for name, number in asdict(result.counts).items() if number)
    said = "; ".join([counts or "nothing", *result.reasons])
    get_run_logger().info("import run %s: %s: %s", run, result.outcome, said)
