"""Imports that stop by themselves: when the same feed has killed its import twice in a row, no third night tries it.

A path that is not there, a busy lock and a held feed stop nothing: they end as Refused, Busy and Blocked.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Engine, and_, func, select
from sqlalchemy.exc import DBAPIError

from etl import EtlError, ImporterBusy, circuit_breaker
from etl.circuit_breaker import Stop
from etl.database import describe_error
from etl.importing.import_run import importer_lock
from etl.importing.ledger import KILLED, close_left_open
from etl.tables import import_feeds, import_stops
from flows.service.context import Invocation, open_engine
from flows.service.requests import CheckRequest

log = logging.getLogger("rally.import")
CRASH_GRACE_SECONDS = 5.0
"""A server process notices within half a second that its client is gone."""
CRASHES = 2
RULE = "imports_stopped"


def settle_crashes(engine: Engine, *, wait: float = 0) -> Stop | None:
    """Close what killed imports left open in the ledger, and stop the imports where that was the second time in a row.

    Returns the stop that this made. Nothing happens while another import is at work: what stands open is its own.
    """
    try:
        with importer_lock(engine, wait=wait) as connection:
            close_left_open(connection)
            if circuit_breaker.in_force(connection) is not None:
                return None
            killed = connection.execute(_KILLED_IN_A_ROW).first()
            return None if killed is None else circuit_breaker.stop(
                connection, _reason(killed), circuit_breaker.AUTOMATIC, automatic=True
            )  # fmt: skip
    except ImporterBusy:
        return None


def announce_stop(invocation: Invocation) -> None:
    """Open the incident of a stop that came by itself, and notify whom the alert policy names, at once.

    Where that cannot be done the hourly check does it; the import's own result is not touched.
    """
    from flows.service.health_check import check_health  # noqa: PLC0415 - hardly any import stops by itself

    try:
        check_health(Invocation(invocation.settings), CheckRequest(names=(RULE,), workers=1))
    except Exception as error:  # noqa: BLE001 - as said above
        log.warning("the stop of the imports could not be announced: %s", type(error).__name__)


def look_for_crashes(invocation: Invocation) -> None:
    """What the watch does besides its own look: settle crashes, and announce a stop; a database that is away waits."""
    try:
        with open_engine(invocation.settings, application="rally-health watch") as engine:
            stop = settle_crashes(engine)
    except (DBAPIError, EtlError) as error:
        log.warning("crashed imports could not be looked for: %s", describe_error(error))
        return
    if stop is not None:
        announce_stop(invocation)


def _reason(killed: Any) -> str:
    feed = f"{killed.kind} of {killed.league}"
    return f"the import of {feed} was killed {CRASHES} times in a row; look at the feed and at the memory of the worker"


_newest = func.row_number().over(
    partition_by=(import_feeds.c.kind, import_feeds.c.league), order_by=import_feeds.c.id.desc()
)
_attempts = select(
    import_feeds.c.kind,
    import_feeds.c.league,
    import_feeds.c.started_at,
    import_feeds.c.reasons,
    _newest.label("place"),
).subquery()
# what a person has resumed after counts no more
_resumed = select(func.coalesce(func.max(import_stops.c.resumed_at), func.to_timestamp(0))).scalar_subquery()
_was_killed = and_(_attempts.c.reasons == [KILLED], _attempts.c.started_at > _resumed)
_KILLED_IN_A_ROW = (
    select(_attempts.c.kind, _attempts.c.league)
    .where(_attempts.c.place <= CRASHES)
    .group_by(_attempts.c.kind, _attempts.c.league)
    .having(func.count().filter(_was_killed) == CRASHES)
    .order_by(_attempts.c.kind, _attempts.c.league)
)
