"""Rows in, records and rejects out, in the feed's order: a bad row never stops the good ones, and is never lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pydantic import ValidationError

from etl import leagues
from etl.feeds import ALL, Kind
from etl.reading.row import Row, Unreadable
from etl.records import fixtures, matches, players, refusal, standings
from etl.records.layout import Drift, Layouts
from etl.records.model import Record, Reject
from etl.records.shape import Refused, Shape

_SHAPES = {
    Kind.SERIES_STATS: standings.SHAPE,
    Kind.PLAYERS: players.SHAPE,
    Kind.SCHEDULES: fixtures.SHAPE,
    Kind.MATCH_HISTORY: matches.SHAPE,
}
# one call of pydantic for so many rows: more is hardly faster, and a row can be 4 MB
_BATCH = 64


def validate(
    kind: Kind, rows: Iterable[Row | Unreadable], league: str, *, drift: Drift | None = None
) -> Iterator[Record | Reject]:
    """Check rows of a feed of this kind; `league` is the feed's, "all" where only the rows tell theirs.

    `drift` is filled with the unknown and missing keys while the result is read.
    """
    shape = _SHAPES[kind]
    layouts = Layouts(shape.slots, shape.ignored)
    home = "" if league == ALL else leagues.canonical(league)
    stream = iter(rows)
    while batch := list(islice(stream, _BATCH)):
        yield from _batch(shape, home, layouts, batch, drift)


def _batch(
    shape: Shape, league: str, layouts: Layouts, batch: list[Row | Unreadable], drift: Drift | None
) -> Iterator[Record | Reject]:
    objects = [row.value for row in batch if isinstance(row, Row) and isinstance(row.value, dict)]
    checked = _checked(shape, [_values(layouts, value, drift) for value in objects])
    return (_outcome(shape, league, row, checked) for row in batch)


def _values(layouts: Layouts, row: dict[str, object], drift: Drift | None) -> tuple[object, ...]:
    layout = layouts.of(row)
    if drift is not None and (layout.unknown or layout.missing):
        drift.count(layout)
    return layout.values(row)


def _checked(shape: Shape, raw: list[tuple[object, ...]]) -> Iterator[Any]:
    """The checked values of each row, or what pydantic says against it."""
    try:
        return iter(shape.adapter.validate_python(raw))
    except ValidationError:
        return (_checked_alone(shape, values) for values in raw)


def _checked_alone(shape: Shape, values: tuple[object, ...]) -> Any:
    try:
        return shape.adapter.validate_python([values])[0]
    except ValidationError as error:
        return error


def _outcome(shape: Shape, league: str, row: Row | Unreadable, checked: Iterator[Any]) -> Record | Reject:
    if isinstance(row, Unreadable):
        return refusal.unreadable(row)
    if not isinstance(row.value, dict):
        return refusal.no_object(row)
    values = next(checked)
    if isinstance(values, ValidationError):
        return refusal.invalid(row, values, shape)
    try:
        return shape.build(row.index, league, values)
    except Refused as error:
        return refusal.refused(row, error)
