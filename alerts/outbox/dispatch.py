"""One round of a dispatcher: plan what came due, send what waits, ask what became of the rest."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from alerts.incidents.store import try_lock
from alerts.outbox.attempt import Work, attempt
from alerts.outbox.claim import claim
from alerts.outbox.delivered import follow_up
from alerts.outbox.enqueue import enqueue
from alerts.outbox.replies import collect_replies
from alerts.outbox.states import State
from etl.database import describe

log = logging.getLogger("rally.alerts")

WORKERS = 4
"""So that a mail server that does not answer cannot hold back an SMS."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a round did: messages planned, attempts by how they ended, news of earlier messages, acknowledgements."""

    planned: int = 0
    attempts: Mapping[State, int] = field(default_factory=dict)
    followed: Mapping[State, int] = field(default_factory=dict)
    acknowledged: int = 0
    broken: int = 0

    @property
    def waiting(self) -> int:
        """Attempts that will be made once more."""
        return self.attempts.get(State.QUEUED, 0) + self.attempts.get(State.UNKNOWN, 0) + self.broken

    @property
    def dead(self) -> int:
        """Messages that became dead letters in this round."""
        both = (*self.attempts.items(), *self.followed.items())
        return sum(number for state, number in both if state.dead)


def dispatch(work: Work, *, only: Sequence[int] | None = None, workers: int = WORKERS) -> Dispatched:
    """Do one round. With `only`, these messages are sent and nothing else is done.

    Several dispatchers may run at once: a message is claimed by one of them.
    """
    if only is not None:
        attempts, broken = _send(work, only, workers)
        return Dispatched(attempts=attempts, broken=broken)
    acknowledged = collect_replies(work)
    planned = _plan(work)
    attempts, broken = _send(work, None, workers)
    return Dispatched(planned, attempts, follow_up(work), acknowledged, broken)


def _plan(work: Work) -> int:
    with work.engine.begin() as connection:
        # whoever holds the lock is planning already
        return len(enqueue(connection, work.policy, work.clock())) if try_lock(connection) else 0


def _send(work: Work, only: Sequence[int] | None, workers: int) -> tuple[Mapping[State, int], int]:
    tried = _Tried()
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(_worker, work, only, tried) for _ in range(workers)]:
            future.result()
    return dict(tried.states), tried.broken


@dataclass(slots=True)
class _Tried:
    """What the workers of a round did together. A message is tried once in a round."""

    numbers: set[int] = field(default_factory=set)
    states: Counter[State] = field(default_factory=Counter)
    broken: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)


def _worker(work: Work, only: Sequence[int] | None, tried: _Tried) -> None:
    while True:
        with tried.guard:
            claimed = claim(work.engine, work.clock(), only=only, but=sorted(tried.numbers))
            if claimed is None:
                return
            tried.numbers.add(claimed.id)
        try:
            state = attempt(work, claimed)
        except SQLAlchemyError as error:
            # the lease ends by itself, and a later round goes on from what was written
            log.warning("message %d: the outbox cannot be written (%s)", claimed.id, describe(error))
            with tried.guard:
                tried.broken += 1
            return
        with tried.guard:
            tried.states[state] += 1
