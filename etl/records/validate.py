"""Rows in, records and rejects out, in the feed's order: a bad row never stops the good ones, and is never lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic import ValidationError

from etl import leagues
from etl.feeds import ALL, Kind
from etl.reading.row import Row, Unreadable
from etl.records import fixtures, matches, players, refusal, standings
from etl.records.columns import Columns
from etl.records.layout import Drift, Layouts
from etl.records.model import Record, Reject
from etl.records.shape import Refused, Shape

_SHAPES = {
    Kind.SERIES_STATS: standings.SHAPE,
    Kind.PLAYERS: players.SHAPE,
    Kind.SCHEDULES: fixtures.SHAPE,
    Kind.MATCH_HISTORY: matches.SHAPE,
}
# rows that are looked at together: more is hardly faster, and a row can be 1 MB
_BATCH = 256


def validate(
    kind: Kind, rows: Iterable[Row | Unreadable], league: str, *, drift: Drift | None = None
) -> Iterator[Record | Reject]:
    """Check rows of a feed of this kind; `league` is the feed's, "all" where only the rows tell theirs.

    `drift` is filled with the unknown and missing keys while the result is read.
    """
    home = "" if league == ALL else leagues.canonical(league)
    reader = _Reader(_SHAPES[kind], home, drift if drift is not None else Drift())
    stream = iter(rows)
    while batch := list(islice(stream, _BATCH)):
        yield from reader.read(batch)


@dataclass(slots=True)
class _Reader:
    """Reads the rows of one feed, and remembers its layouts and texts."""

    shape: Shape
    league: str
    drift: Drift
    layouts: Layouts = field(init=False)
    columns: Columns = field(init=False)

    def __post_init__(self) -> None:
        self.layouts = Layouts(self.shape.slots, self.shape.ignored)
        self.columns = Columns(self.shape.columns)

    def read(self, batch: Sequence[Row | Unreadable]) -> Iterator[Record | Reject]:
        objects = [row.value for row in batch if isinstance(row, Row) and isinstance(row.value, dict)]
        checked = self._checked(objects) if objects else iter(())
        return (self._outcome(row, checked) for row in batch)

    def _checked(self, objects: Sequence[Mapping[str, object]]) -> Iterator[Any]:
        """The checked values of each row, or what pydantic says against it."""
        for layout, rows in self.layouts.split(objects):
            self.drift.count(layout, len(rows))
            values = layout.columns(rows)
            yield from self.columns.check(values) or map(self._checked_alone, zip(*values, strict=True))

    def _checked_alone(self, values: tuple[object, ...]) -> Any:
        try:
            return self.shape.row.validate_python(values)
        except ValidationError as error:
            return error

    def _outcome(self, row: Row | Unreadable, checked: Iterator[Any]) -> Record | Reject:
        if isinstance(row, Unreadable):
            return refusal.unreadable(row)
        if not isinstance(row.value, dict):
            return refusal.no_object(row)
        values = next(checked)
        if isinstance(values, ValidationError):
            return refusal.invalid(row, values, self.shape)
        try:
            return self.shape.build(row.index, self.league, values)
        except Refused as error:
            return refusal.refused(row, error)
