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
    reader = _reader(kind, league, drift)
    for batch in _batches(rows):
        yield from reader.outcomes(batch)


def validate_together(
    kind: Kind, rows: Iterable[Row | Unreadable], league: str, *, drift: Drift | None = None
) -> Iterator[Batch]:
    """The same, in a third of the time where rows are sound."""
    reader = _reader(kind, league, drift)
    return map(reader.read, _batches(rows))


def _reader(kind: Kind, league: str, drift: Drift | None) -> _Reader:
    home = "" if league == ALL else leagues.canonical(league)
    return _Reader(_SHAPES[kind], home, drift if drift is not None else Drift())


def _batches(rows: Iterable[Row | Unreadable]) -> Iterator[Sequence[Row | Unreadable]]:
    stream = iter(rows)
    while batch := list(islice(stream, _BATCH)):
        yield batch


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a feed: the values of its records column by column, none where it has none, and its rejects."""

    columns: Sequence[Sequence[Any]]
    rejects: Sequence[Reject] = ()


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

    def read(self, batch: Sequence[Row | Unreadable]) -> Batch:
        """The rows all at once, or one by one where one of them has to be looked at alone."""
        columns = self._together(batch)
        if columns is not None:
            return Batch(columns)
        outcomes = list(self.outcomes(batch))
        records = [outcome for outcome in outcomes if not isinstance(outcome, Reject)]
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        return Batch(list(zip(*records, strict=True)), rejects)

    def _together(self, batch: Sequence[Row | Unreadable]) -> Sequence[Sequence[Any]] | None:
        objects = [row.value for row in batch if isinstance(row, Row) and isinstance(row.value, dict)]
        if self.shape.together is None or len(objects) < len(batch):
            return None
        (layout, rows), *others = self.layouts.split(objects)
        checked = None if others else self.columns.check(layout.columns(rows))
        built = checked and self.shape.together(self.league, checked)
        if not built:
            return None
        self.drift.count(layout, len(rows))
        return [[row.index for row in batch], *built]

    def outcomes(self, batch: Sequence[Row | Unreadable]) -> Iterator[Record | Reject]:
        """The rows one by one."""
        objects = [row.value for row in batch if isinstance(row, Row) and isinstance(row.value, dict)]
        checked = self._checked(objects) if objects else iter(())
        return (self._outcome(row, checked) for row in batch)

    def _checked(self, objects: Sequence[Mapping[str, object]]) -> Iterator[Any]:
        """The checked values of each row, or what pydantic says against it."""
        for layout, rows in self.layouts.split(objects):
            self.drift.count(layout, len(rows))
            values = layout.columns(rows)
            checked = self.columns.check(values)
            yield from zip(*checked, strict=True) if checked else map(self._checked_alone, zip(*values, strict=True))

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
