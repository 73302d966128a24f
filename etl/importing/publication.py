"""One feed inside its transaction: stage, publish, ask guards and gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from etl.errors import RowsUnaccounted
from etl.extract import extract
from etl.feeds import Feed, Kind
from etl.importing import fixtures, ledger, matches, players, stage, standings
from etl.importing.catalog import ensure_leagues
from etl.importing.guards import objections
from etl.importing.intake import Intake
from etl.importing.keys import Keys
from etl.importing.options import Allowance, Options
from etl.importing.results import Counts, FeedResult, Objection, Outcome
from etl.records import Drift, validate_together

PUBLISHERS: Mapping[Kind, Callable[..., Counts]] = {
    Kind.SERIES_STATS: standings.publish,
    Kind.PLAYERS: players.publish,
    Kind.SCHEDULES: fixtures.publish,
    Kind.MATCH_HISTORY: matches.publish,
}


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent per step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - begun


def publish(connection: Connection, feed: Feed, intake: Intake, options: Options) -> FeedResult:
    """Write the feed's rows and judge them; the caller commits a published result, and rolls back a blocked one."""
    watch = Stopwatch()
    with watch.step("stage"):
        rows = _stage(connection, feed, intake, options)
    leagues = dict(sorted(intake.leagues.items()))
    with watch.step("gate"):
        verdict = options.gate(connection, feed)
    with watch.step("publish"):
        written = PUBLISHERS[feed.kind](connection, intake, prune=options.prune)
    counts = _complete(written, rows, intake)
    with watch.step("gate"):
        found = [*_guarded(connection, feed, counts, leagues, options), *(verdict(counts) if counts.records else ())]
    blocking = tuple(str(one) for one in found if one.rule not in options.allow.rules)
    return FeedResult(
        str(feed.path), feed.kind, feed.league, Outcome.BLOCKED if blocking else Outcome.PUBLISHED, counts,
        blocking, tuple(_let_pass(found, options.allow)), leagues, _drift(intake.drift), watch.seconds,
    )  # fmt: skip


def _guarded(
    connection: Connection, feed: Feed, counts: Counts, leagues: Mapping[str, int], options: Options
) -> Iterable[Objection]:
    if options.partial:
        return ()
    return objections(counts, leagues, ledger.last_publication(connection, feed), options.limits)


def _stage(connection: Connection, feed: Feed, intake: Intake, options: Options) -> int:
    """Stage the feed, and let its leagues be known; returns how many rows it has."""
    table = stage.STAGES[feed.kind]
    stage.create(connection, table)
    rows = extract(feed.path, on_bytes=lambda count: options.progress(feed, count))
    records = intake.records(validate_together(feed.kind, rows, feed.league, drift=intake.drift))
    keys = Keys(table, stage.KEYS[feed.kind]) if feed.kind in stage.KEYS else None
    count = stage.load_columns(connection, table, records, keys=keys)
    intake.repeated = keys is None or keys.repeated()
    ensure_leagues(connection, intake.leagues)
    return count + intake.rejects


def _complete(written: Counts, rows: int, intake: Intake) -> Counts:
    """Figures with the rows that were read; each is refused, a duplicate or in the table, else RowsUnaccounted."""
    records = rows - intake.rejects
    found = written.duplicates + written.inserted + written.updated + written.unchanged
    if found != records:
        raise RowsUnaccounted(f"{records:,} records were staged, and {found:,} are accounted for; nothing is published")
    return replace(
        written, rows=rows, records=records, rejects=intake.rejects, newly_unlinked=intake.newly_unlinked
    )  # fmt: skip


def _let_pass(found: list[Objection], allow: Allowance) -> Iterator[dict[str, str]]:
    for one in found:
        if one.rule in allow.rules:
            yield {"rule": one.rule, "reason": one.reason, "who": allow.who, "why": allow.why}


def _drift(drift: Drift) -> dict[str, dict[str, int]]:
    """How often keys were unknown or missing, empty where the feed has the expected ones."""
    return {"unknown": dict(drift.unknown), "missing": dict(drift.missing)} if drift else {}
