"""Running units side by side, each on a session of its own, on one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from checks.engine.plan import Unit
from checks.engine.snapshot import Snapshot, SnapshotSession

Answer = TypeVar("Answer")


@contextmanager
def sessions(snapshot: Snapshot, first: SnapshotSession, most: int) -> Iterator[list[SnapshotSession]]:
    """Up to `most` sessions, the first one among them. A database with few connections left gives fewer."""
    opened = [first]
    try:
        while len(opened) < most:
            try:
                opened.append(SnapshotSession(snapshot))
            except DBAPIError:
                break
        yield opened
    finally:
        for session in opened[1:]:
            session.close()


def side_by_side(
    units: Sequence[Unit],
    opened: Sequence[SnapshotSession],
    work: Callable[[SnapshotSession, Unit], Answer],
    done: Callable[[Unit], None],
) -> list[Answer]:
    """The answers for all units, in their order. An interrupt cancels what is running and goes on upwards."""
    free: SimpleQueue[SnapshotSession] = SimpleQueue()
    for session in opened:
        free.put(session)

    def run(unit: Unit) -> Answer:
        session = free.get()
        try:
            return work(session, unit)
        finally:
            free.put(session)

    with ThreadPoolExecutor(len(opened), thread_name_prefix="rules") as executor:
        futures = {executor.submit(run, unit): unit for unit in units}
        try:
            for future in as_completed(futures):
                future.result()
                done(futures[future])
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for session in opened:
                session.cancel()
            raise
    return [future.result() for future in futures]
