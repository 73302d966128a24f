"""The rows of one feed on their way in: records go on, rejects are kept and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine, insert

from etl.records import Batch, Reject
from etl.records.feed_schema import Drift, FeedSchema
from etl.tables import rejects


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

    def records(self, batches: Iterable[Batch]) -> Iterator[Mapping[str, Sequence[Any]]]:
        """The columns of the records alone; rejects are kept as they come, so that memory stays bounded."""
        for batch in batches:
            if batch.rejects:
                self.keep(batch.rejects)
            if batch.columns:
                self.leagues.update(filter(None, batch.columns["league"]))
            yield batch.columns

    def keep(self, refused: Sequence[Reject]) -> None:
        """Keep rows that were refused, with file, position and reason."""
        rows = [{"feed_id": self.feed_id, **asdict(reject)} for reject in refused]
        self.rejects += len(rows)
        if rows:
            with self.engine.begin() as connection:
                connection.execute(insert(rejects), rows)


def as_read(schema: FeedSchema, stage: sa.Table) -> sa.ColumnElement[str]:
    """A staged row as its feed had it, as JSON text, so that it can be tried again."""
    values: dict[str, Any] = {}
    for slot in schema.slots:
        parts = {part: stage.c[name] for name, (whole, part) in schema.parts.items() if whole == slot.target}
        if parts:
            values[slot.name] = sa.func.jsonb_build_object(*chain.from_iterable(parts.items()))
        elif slot.target in stage.c:
            values[slot.name] = stage.c[slot.target]
    return sa.cast(sa.func.jsonb_strip_nulls(sa.func.jsonb_build_object(*chain.from_iterable(values.items()))), sa.Text)
