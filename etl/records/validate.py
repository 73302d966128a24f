"""Rows in, records and rejects out, in the feed's order: a bad row never stops the good ones, and is never lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import ValidationError

from etl import leagues
from etl.batches import batched
from etl.feeds import ALL, Kind
from etl.reading.row import Unreadable
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
    kind: Kind, rows: Iterable[object], league: str, *, drift: Drift | None = None
) -> Iterator[Record | Reject]:
    """Check rows of a feed of this kind, as `extract` yields them; `league` is "all" where only the rows tell theirs.

    `drift` is filled with the unknown and missing keys while the result is read.
    """
    reader = _reader(kind, league, drift)
    for index, batch in _batches(rows):
        yield from reader.outcomes(index, batch)


def validate_together(
    kind: Kind, rows: Iterable[object], league: str, *, drift: Drift | None = None
) -> Iterator[Batch]:
    """The same, in a third of the time where rows are sound."""
    reader = _reader(kind, league, drift)
    return (reader.read(index, batch) for index, batch in _batches(rows))


def _reader(kind: Kind, league: str, drift: Drift | None) -> _Reader:
    home = "" if league == ALL else leagues.canonical(league)
    return _Reader(_SHAPES[kind], home, drift if drift is not None else Drift())


def _batches(rows: Iterable[object]) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows in batches, each with the place of its first."""
    return zip(count(0, _BATCH), batched(rows, _BATCH))


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

    def read(self, index: int, batch: Sequence[object]) -> Batch:
        """The rows all at once, or one by one where one of them has to be looked at alone."""
        columns = self._together(batch)
        if columns is not None:
            return Batch([range(index, index + len(batch)), *columns])
        outcomes = list(self.outcomes(index, batch))
        records = [outcome for outcome in outcomes if not isinstance(outcome, Reject)]
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        return Batch(list(zip(*records, strict=True)), rejects)

    def _together(self, batch: Sequence[Any]) -> Sequence[Sequence[Any]] | None:
        """The columns of the records, without their index; None where a row has to be looked at alone."""
        if self.shape.together is None or set(map(type, batch)) != {dict}:
            return None
        layout = self.layouts.of(batch[0])
        values = layout.shared(batch)
        checked = values and self.columns.check(values)
        built = checked and self.shape.together(self.league, checked)
        if built:
            self.drift.count(layout, len(batch))
        return built or None

    def outcomes(self, index: int, batch: Sequence[object]) -> Iterator[Record | Reject]:
        """The rows one by one; `index` is the place of the first."""
        checked = self._checked([row for row in batch if isinstance(row, dict)])
        return (self._outcome(place, row, checked) for place, row in enumerate(batch, index))

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

    def _outcome(self, index: int, row: object, checked: Iterator[Any]) -> Record | Reject:
        if isinstance(row, Unreadable):
            return refusal.unreadable(index, row)
        if not isinstance(row, dict):
            return refusal.no_object(index, row)
        values = next(checked)
        if isinstance(values, ValidationError):
            return refusal.invalid(index, row, values, self.shape)
        try:
            return self.shape.build(index, self.league, values)
        except Refused as error:
            return refusal.refused(index, row, error)
