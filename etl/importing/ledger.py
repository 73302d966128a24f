"""The import's own memory in the database: what ran, how each feed ended, which rows were refused.

A feed's row is written before the work and closed in the transaction that publishes it, so after a cut connection the
ledger tells whether the commit took place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, exists, func, insert, select, text, update

from etl import ImporterBusy
from etl.feeds import Feed
from etl.importing import Counts, FeedResult, Outcome
from etl.kinds import KINDS
from etl.tables import import_feeds, import_runs, team_aliases

KILLED = "the process ended before the feed was done; nothing of it was published"
TRIED_AGAIN = "the connection was lost before the feed was done, nothing of it was published; it was tried again"
PUBLISHING = text("select pg_advisory_xact_lock(hashtext('rally-health publishing'))")


def open_run(connection: Connection, paths: Sequence[str]) -> int:
    """Begin a run and return its id; feeds that a killed run left open are closed as failed.

    The caller holds the importer's lock, so whatever is still running is dead.
    """
    close_left_open(connection)
    statement = insert(import_runs).values(outcome=Outcome.RUNNING.value, paths=list(paths))
    return int(connection.execute(statement.returning(import_runs.c.id)).scalar_one())


def close_left_open(connection: Connection) -> int:
    """Close runs and feeds that were left open as failed, and return how many runs; under the importer's lock only."""
    left = {"outcome": Outcome.FAILED.value, "finished_at": func.now()}
    open_feeds = import_feeds.c.outcome == Outcome.RUNNING.value
    connection.execute(update(import_feeds).where(open_feeds).values(**left, reasons=[KILLED]))
    open_runs = import_runs.c.outcome == Outcome.RUNNING.value
    # a run whose last connection was cut has published what its feeds say
    columns = select(import_feeds.c.outcome).where(import_feeds.c.run_id == import_runs.c.id)
    failed = exists(columns.where(import_feeds.c.outcome == Outcome.FAILED.value)) | ~exists(columns)
    blocked = exists(columns.where(import_feeds.c.outcome == Outcome.BLOCKED.value))
    published = exists(columns.where(import_feeds.c.outcome == Outcome.PUBLISHED.value))
    came_to = case(
        (failed, Outcome.FAILED.value), (blocked, Outcome.BLOCKED.value), (published, Outcome.PUBLISHED.value),
        else_=Outcome.FAILED.value,
    )  # fmt: skip
    values = {"outcome": came_to, "finished_at": func.now()}
    return connection.execute(update(import_runs).where(open_runs).values(values)).rowcount


def close_run(engine: Engine, run: int, outcome: Outcome) -> None:
    """End a run, with feeds whose opening was cut off and that were opened once more."""
    with engine.begin() as connection:
        left = {"outcome": Outcome.FAILED.value, "finished_at": func.now(), "reasons": [TRIED_AGAIN]}
        own = import_feeds.c.run_id == run, import_feeds.c.outcome == Outcome.RUNNING.value
        connection.execute(update(import_feeds).where(*own).values(left))
        values = {"outcome": outcome.value, "finished_at": func.now()}
        # one that another import has closed as killed, after ours had lost its lock, stays so
        still = import_runs.c.id == run, import_runs.c.outcome == Outcome.RUNNING.value
        connection.execute(update(import_runs).where(*still).values(values))


def lock_publishing(connection: Connection) -> None:
    """Be the only one who writes league data, to the end of the transaction.

    The importer's lock lies on a connection of its own, which can be lost while the import goes on.
    """
    connection.execute(PUBLISHING)


def require_open(connection: Connection, feed_id: int) -> None:
    """Raise ImporterBusy where another import has taken over: it has closed this feed, or closes it after us."""
    lock_publishing(connection)
    # by its key it stays free: rejects, kept on a connection of their own, refer to it meanwhile
    own = select(import_feeds.c.outcome).where(import_feeds.c.id == feed_id).with_for_update(key_share=True)
    if connection.scalar(own) != Outcome.RUNNING.value:
        raise ImporterBusy(
            "the importer's lock was lost and another import has taken over; nothing more of this run is published"
        )


def open_feed(connection: Connection, run: int, feed: Feed, fingerprint: str, *, partial: bool = False) -> int:
    """Begin a feed and return its id."""
    values = {
        "run_id": run, "path": str(feed.path), "kind": feed.kind.name, "league": feed.league,
        "fingerprint": fingerprint, "partial": partial, "outcome": Outcome.RUNNING.value,
    }  # fmt: skip
    statement = insert(import_feeds).values(values).returning(import_feeds.c.id)
    return int(connection.execute(statement).scalar_one())


def close_feed(connection: Connection, feed_id: int, result: FeedResult) -> None:
    """End a feed, in the caller's transaction."""
    values = asdict(result.counts) | {
        "outcome": result.outcome.value, "finished_at": func.clock_timestamp(), "reasons": list(result.reasons),
        "allowed": [dict(one) for one in result.allowed], "leagues": dict(result.leagues),
        "drift": dict(result.drift), "seconds": dict(result.seconds),
    }  # fmt: skip
    connection.execute(update(import_feeds).where(import_feeds.c.id == feed_id).values(values))


def read_feed(engine: Engine, feed_id: int) -> FeedResult:
    """A feed as the ledger knows it."""
    columns = select(import_feeds).where(import_feeds.c.id == feed_id)
    with engine.begin() as connection:
        # waits for a transaction that may still be committing while its client has lost it
        return _result(connection.execute(columns.with_for_update(key_share=True)).one())


def _result(row: Row[Any]) -> FeedResult:
    counts = Counts(**{name: getattr(row, name) for name in Counts.__slots__})
    return FeedResult(
        row.path,
        row.kind,
        row.league,
        Outcome(row.outcome),
        counts,
        tuple(row.reasons),
        tuple(row.allowed),
        row.leagues,
        row.drift,
        row.seconds,
    )


def published_before(connection: Connection, feed: Feed, fingerprint: str) -> FeedResult | None:
    """The publication of these very bytes, unless something it depends on has changed since.

    That is: rows of the same kind, the standings that name the teams, or, where sides were left unlinked, an alias.
    """
    past = import_feeds
    done = past.c.outcome == Outcome.PUBLISHED.value
    same = select(past).where(done, ~past.c.partial, past.c.kind == feed.kind.name, past.c.league == feed.league)
    last = connection.execute(same.where(past.c.fingerprint == fingerprint).order_by(past.c.id.desc()).limit(1)).first()
    if last is None:
        return None
    changed = past.c.inserted + past.c.updated > 0
    bases = [feed.kind.name, *(kind.name for kind in KINDS if kind.names_teams)]
    some = past.c.outcome.in_((Outcome.PUBLISHED.value, Outcome.BLOCKED.value))
    later = select(past.c.id).where(past.c.id > last.id, some, changed, past.c.kind.in_(bases)).limit(1)
    alias = select(team_aliases.c.id).where(team_aliases.c.confirmed_at > last.finished_at).limit(1)
    stale = connection.execute(later).first() or (last.unlinked and connection.execute(alias).first())
    return None if stale else _result(last)
