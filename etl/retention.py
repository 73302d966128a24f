"""Rows with people's data are not kept for ever: what imports refused, and the copies of what repairs changed.

Who did what, when, and to how many rows stays in the ledgers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from etl.repairs.ledger import State
from etl.tables import import_feeds, import_parts, rejects, repair_rows, repairs


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many refused rows, and copies of changed ones, are gone."""

    rejects: int
    copies: int


def delete_expired(connection: Connection, before: datetime) -> Deleted:
    """Delete what was refused, held or changed before a moment.

    A repair whose copies are gone cannot be undone any more; a held part whose rows are gone waits no more.
    """
    feeds = select(import_feeds.c.id).where(import_feeds.c.started_at < before)
    refused = connection.execute(delete(rejects).where(rejects.c.feed_id.in_(feeds))).rowcount
    held = import_parts.c.at < before, import_parts.c.rows.is_not(None)
    given_up = {"rows": None, "closed_at": func.clock_timestamp(), "closing": "held for as long as rows are kept"}
    connection.execute(update(import_parts).where(*held, import_parts.c.closed_at.is_(None)).values(given_up))
    connection.execute(update(import_parts).where(*held).values(rows=None))
    old = func.coalesce(repairs.c.undone_at, repairs.c.applied_at, repairs.c.planned_at) < before
    copies = delete(repair_rows).where(repair_rows.c.repair_id.in_(select(repairs.c.id).where(old)))
    changed = connection.execute(copies).rowcount
    applied = repairs.c.state == State.APPLIED.value
    connection.execute(update(repairs).where(old, applied).values(state=State.FORGOTTEN.value))
    return Deleted(refused, changed)
