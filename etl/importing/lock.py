"""One importer at a time, by a lock that the server frees when its holder dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from etl.errors import ImporterBusy

KEY = 0x52414C4C59  # "RALLY"
POLL_SECONDS = 0.2

HOLDER = text("""
select a.pid, a.usename, a.application_name, a.xact_start
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.classid = :high and l.objid = :low
""")


@contextmanager
def importer_lock(engine: Engine, *, wait: float = 0) -> Iterator[Connection]:
    """Hold the importer's lock for the block, waiting up to `wait` seconds; raises ImporterBusy with who holds it.

    It is a transaction lock, which a pooler in transaction mode keeps too; the open transaction holds no snapshot.
    """
    deadline = time.monotonic() + wait
    with engine.begin() as connection:
        connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
        while not connection.execute(text("select pg_try_advisory_xact_lock(:key)"), {"key": KEY}).scalar_one():
            if time.monotonic() >= deadline:
                raise ImporterBusy(f"another import is running: {_holder(connection)}; wait for it, or use --wait")
            time.sleep(POLL_SECONDS)
        yield connection


def _holder(connection: Connection) -> str:
    row = connection.execute(HOLDER, {"high": KEY >> 32, "low": KEY & 0xFFFFFFFF}).first()
    if row is None:
        return "it has just ended"
    name = row.application_name or "a client"
    return f"{name} of {row.usename}, server process {row.pid}, since {row.xact_start:%H:%M:%S} UTC"
