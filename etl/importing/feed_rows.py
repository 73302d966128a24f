"""The rows of one feed on their way in: records go on, rejects are kept and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, insert

from etl import leagues
from etl.importing.profile import ChangePlan
from etl.importing.seasons import Season
from etl.records import Batch, Reject
from etl.records.feed_schema import Drift, FeedSchema
from etl.records.fields import GARBLED
from etl.tables import rejects

CUT_OFF = re.compile(r"the file is cut off|up to the end of the file are lost")
_TOLD_LEAGUE = re.compile(r'"(?:[Ll]eague|league_id)"\s*:\s*"([^"]{1,64})"')


_VALUE = re.compile(r" is .*, expected (?P<expected>.*)")
_OTHERS = re.compile(r" \(.* wrong\)$")
MOST_REASONS = 1000


Review = Callable[[Connection, ChangePlan], None]


class PartHeld(Exception):
    """A part that a guard stopped before anything of it was written."""


def _in_general(reason: str) -> str:
    """A reason without the value that it quotes: what many rejects have in common."""
    return _VALUE.sub(r" is not \g<expected>", _OTHERS.sub("", reason))


def _league_of(reject: Reject) -> str:
    told = _TOLD_LEAGUE.search(reject.raw)
    return leagues.canonical(told[1]) if told else ""


@dataclass(slots=True)
class Intake:
    """One feed's rows; rejects are kept through a connection of their own, so that a rollback does not lose them.

    Without an `engine`, in a dry run, they are only counted.

    `held` is the number of the held part that is tried again, 0 for a feed that is read. A `partial` feed holds some
    rows of a whole: what is not in there has not vanished. `leagues` counts the records of each league that is named,
    `rejects_of` the rejects of each, "" where a row does not tell, and `garbled` those of them whose text was decoded
    in a wrong encoding; `decoded` counts the rows of each whose encoding a correction undid while they were read.
    `reasons` are those of rejects, without the values that they quote. `repeated` is whether two records may have one
    key.
    `truncated` says where the file was cut off, `new_season` whether the part's rows are the first of their season.
    `seasons` are those that the part is about: rows of others have not vanished, whatever days stray into it.
    `keep_ids` is whether people keep the ids that the table has for them. `review` is asked when all is planned and
    nothing is written: it raises PartHeld for a part that must not be published.
    """

    engine: Engine | None
    feed_id: int
    partial: bool = False
    fingerprint: str = ""
    held: int = 0
    drift: Drift = field(default_factory=Drift)
    rejects: int = 0
    leagues: Counter[str] = field(default_factory=Counter)
    repeated: bool = True
    newly_unlinked: int = 0
    rejects_of: Counter[str] = field(default_factory=Counter)
    garbled: Counter[str] = field(default_factory=Counter)
    decoded: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    truncated: str = ""
    new_season: bool = False
    seasons: tuple[Season, ...] = ()
    keep_ids: bool = False
    review: Review = lambda connection, change: None

    def of_part(self, review: Review, *, new_season: bool, seasons: tuple[Season, ...], keep_ids: bool) -> Self:
        """The intake of one part: its own figures, the same feed."""
        return replace(self, rejects=0, rejects_of=Counter(), newly_unlinked=0, review=review, new_season=new_season,
                       seasons=seasons, keep_ids=keep_ids)  # fmt: skip

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
        self.rejects_of.update(map(_league_of, refused))
        self.garbled.update(_league_of(reject) for reject in refused if GARBLED.search(reject.reason))
        reasons = (_in_general(reject.reason) for reject in refused if not GARBLED.search(reject.reason))
        self.reasons.update(reason for reason in reasons if reason in self.reasons or len(self.reasons) < MOST_REASONS)
        self.truncated = next((reject.reason for reject in refused if CUT_OFF.search(reject.reason)), self.truncated)
        if rows and self.engine is not None:
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
