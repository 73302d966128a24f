"""The rows of one feed on their way in: records go on, rejects are kept and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from etl.importing import ledger
from etl.records import Batch, Drift, Reject

_LEAGUE = 1  # every kind of record has its league behind its index


@dataclass(slots=True)
class Intake:
    """One feed's rows; rejects are kept through a connection of their own, so that a rollback does not lose them.

    A `partial` feed holds some rows of a whole: what is not in there has not vanished. `leagues` counts the records of
    each league that is told; `repeated` is whether two records may have one key.
    """

    engine: Engine
    feed_id: int
    partial: bool = False
    drift: Drift = field(default_factory=Drift)
    rejects: int = 0
    leagues: Counter[str] = field(default_factory=Counter)
    repeated: bool = True
    newly_unlinked: int = 0

    def records(self, batches: Iterable[Batch]) -> Iterator[Sequence[Sequence[Any]]]:
        """The columns of the records alone; rejects are kept as they come, so that memory stays bounded."""
        for batch in batches:
            if batch.rejects:
                self.keep(batch.rejects)
            if batch.columns:
                self.leagues.update(filter(None, batch.columns[_LEAGUE]))
            yield batch.columns

    def keep(self, refused: Sequence[Reject]) -> None:
        """Keep rows that were refused."""
        self.rejects += len(refused)
        with self.engine.begin() as connection:
            ledger.keep_rejects(connection, self.feed_id, refused)
