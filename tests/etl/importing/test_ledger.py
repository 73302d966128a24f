"""A feed of the very same bytes is not published again, unless rows that it may mean have changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from etl.feeds import Feed
from etl.importing.ledger import published_before
from etl.kinds import kind_named
from etl.tables import import_feeds, import_runs
from tests.checks.rules.entries import NOW

FEED = Feed(Path("schedules.json"), kind_named("schedules"), "CITA")


def publish(connection: Connection, **values: Any) -> None:
    run = insert(import_runs).values(started_at=NOW, outcome="published", paths=[]).returning(import_runs.c.id)
    row = {
        "run_id": connection.scalar(run),
        "path": "x.json",
        "kind": "schedules",
        "league": "CITA",
        "outcome": "published",
    }
    connection.execute(insert(import_feeds).values({**row, "started_at": NOW, "finished_at": NOW, **values}))


@pytest.mark.parametrize(
    ("later", "known"),
    [
        ({"kind": "schedules", "league": "NSTF"}, True),
        ({"kind": "schedules", "league": "NSTF", "inserted": 1}, False),
        ({"kind": "schedules", "league": "NSTF", "updated": 1}, False),
        ({"kind": "series_stats", "updated": 1}, False),
        ({"kind": "series_stats"}, True),
        ({"kind": "series_stats", "updated": 1, "outcome": "blocked"}, False),
        ({"kind": "series_stats", "updated": 1, "outcome": "failed"}, True),
        ({"kind": "players", "inserted": 9}, True),
    ],
)
def test_only_what_has_changed_rows_since_makes_a_feed_stale(
    later: dict[str, Any], known: bool, connection: Connection
) -> None:
    publish(connection, fingerprint="same", inserted=4)
    publish(connection, **later)

    assert (published_before(connection, FEED, "same") is not None) is known


@pytest.mark.parametrize(
    "earlier",
    [{"fingerprint": "other"}, {"league": "NSTF"}, {"kind": "players"}, {"partial": True}, {"outcome": "failed"}],
)
def test_another_publication_is_not_this_one(earlier: dict[str, Any], connection: Connection) -> None:
    publish(connection, **{"fingerprint": "same", **earlier})

    assert published_before(connection, FEED, "same") is None
