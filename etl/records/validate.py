"""Rows in, records and rejects out, in the feed's order: a bad row never stops the good ones, and is never lost.

Values are checked column by column, each distinct text once: feeds repeat their names and dates. What is wrong with a
row becomes a reject that a person can act on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic_core import ErrorDetails, ValidationError

from etl import leagues
from etl.leagues import ALL
from etl.reading import Unreadable, capped
from etl.records import Batch, Record, RecordColumns, Reject
from etl.records.feed_schema import Drift, FeedSchema, KeyMappings, Refused
from etl.records.fields import describe_value

_LIMIT = 20_000
"""Distinct texts that a column remembers: with the longest texts that are allowed, a few megabytes."""


class ColumnChecks:
    """The columns of one feed, with what is known of their texts."""

    def __init__(self, adapters: Sequence[TypeAdapter[list[Any]]], mended: set[str] | None = None) -> None:
        self._mended: set[str] = set() if mended is None else mended
        self._columns = [(adapter, dict[object, Any]()) for adapter in adapters]

    def check(self, columns: Sequence[Sequence[object]]) -> list[Sequence[Any]] | None:
        """The checked values, column by column; None where any value of any row is refused."""
        try:
            return [_check(*own, values, self._mended) for own, values in zip(self._columns, columns, strict=True)]
        except ValidationError:
            return None


def _check(
    adapter: TypeAdapter[list[Any]], validated: dict[object, Any], values: Sequence[object], mended: set[str]
) -> Sequence[Any]:
    try:
        return list(map(validated.__getitem__, values))  # nearly always
    except (KeyError, TypeError):
        pass
    try:
        new = set(values) - validated.keys()
    except TypeError:  # arrays and objects
        return adapter.validate_python(list(values))
    if not all(isinstance(value, str | None) for value in new):  # 1 and true are one key
        return adapter.validate_python(list(values))
    if len(validated) + len(new) > _LIMIT:
        validated.clear()
        new = set(values)
    checked = dict(zip(new, adapter.validate_python(list(new)), strict=True))
    validated.update(checked)
    mended.update(text for text, value in checked.items() if isinstance(text, str) and _was_mended(text, value))
    return list(map(validated.__getitem__, values))


def _was_mended(text: str, value: object) -> bool:
    """Whether a name was read as something else than what stands there: an entity, or a second encoding."""
    return isinstance(value, str) and ("&" in text or not text.isascii()) and value != text


def unreadable(index: int, row: Unreadable) -> Reject:
    """The reject of a place in the feed where no row could be read."""
    return Reject(index, row.reason, None, row.raw)


def no_object(index: int, row: object) -> Reject:
    """The reject of an array element that is no JSON object."""
    return Reject(index, f"the row is {describe_value(row)}, expected an object", None, raw(row))


def refuse_row(index: int, row: object, error: Refused) -> Reject:
    """The reject of a row whose values do not fit together."""
    return Reject(index, f"{error}", error.field, raw(row))


def invalid_row(index: int, row: object, error: ValidationError, schema: FeedSchema) -> Reject:
    """The reject of a row with wrong values: the first names the reason, the others are counted."""
    first, *others = error.errors(include_url=False)
    parts = {part for _, part in schema.parts.values()}
    field = ".".join(
        [schema.slots[int(first["loc"][0])].name, *(f"{part}" for part in first["loc"][1:] if part in parts)]
    )
    more = (
        f" ({len(others)} more fields are wrong)" if len(others) > 1 else " (one more field is wrong)" if others else ""
    )
    return Reject(index, f"{field} {_words(first)}{more}", field, raw(row))


def _words(error: ErrorDetails) -> str:
    value = error["input"]
    match error["type"]:
        case "feed":
            return error["msg"]
        case "string_too_long":
            return f"is {len(value):,} characters long, at most {error['ctx']['max_length']} are allowed"
        case "string_pattern_mismatch":
            return _control(value) if value.strip() and not value.isprintable() else "is missing"
        case "string_unicode":
            return "holds bytes that are not UTF-8, or half a surrogate pair"
        case "string_type":
            return f"is {describe_value(value)}" if value is None else f"is {describe_value(value)}, expected text"
        case _:
            return f"is {describe_value(value)}, expected an object"


def _control(value: str) -> str:
    of_encoding = any("\x80" <= char <= "\x9f" for char in value)
    return "holds a control character" + (", as a wrong encoding leaves it" if of_encoding else "")


def raw(value: object) -> str:
    """The row as JSON text that PostgreSQL can store, cut to RAW_LIMIT."""
    try:
        return capped(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        return "… (nests too deeply to be kept)"


# rows that are looked at together: more is hardly faster, and a row can be 1 MB
_BATCH = 256


def validate(
    schema: FeedSchema, rows: Iterable[object], league: str, *, drift: Drift | None = None
) -> Iterator[Record | Reject]:
    """Check rows of a feed, as `extract` yields them; `league` is "all" where only the rows tell theirs.

    `drift` is filled with the unknown and missing keys while the result is read.
    """
    reader = _reader(schema, league, drift)
    for index, batch in _batches(rows):
        yield from reader.outcomes(index, batch)


def validate_together(
    schema: FeedSchema, rows: Iterable[object], league: str, *, drift: Drift | None = None
) -> Iterator[Batch]:
    """The same, in a third of the time where rows are sound."""
    reader = _reader(schema, league, drift)
    return (reader.read(index, batch) for index, batch in _batches(rows))


def _reader(schema: FeedSchema, league: str, drift: Drift | None) -> _Reader:
    home = "" if league == ALL else leagues.canonical(league)
    return _Reader(schema, home, drift if drift is not None else Drift())


def _batches(rows: Iterable[object]) -> Iterator[tuple[int, Sequence[object]]]:
    """Rows in batches, each with the place of its first."""
    return zip(count(0, _BATCH), batched(rows, _BATCH))


@dataclass(slots=True)
class _Reader:
    """Reads the rows of one feed, and remembers its layouts and texts."""

    schema: FeedSchema
    league: str
    drift: Drift
    layouts: KeyMappings = field(init=False)
    columns: ColumnChecks = field(init=False)

    def __post_init__(self) -> None:
        self.layouts = KeyMappings(self.schema.slots, self.schema.ignored)
        self.columns = ColumnChecks(self.schema.columns, self.drift.mended)

    def read(self, index: int, batch: Sequence[object]) -> Batch:
        """The rows all at once, or one by one where one of them has to be looked at alone."""
        columns = self._together(batch)
        if columns:
            return Batch({"index": range(index, index + len(batch)), **columns})
        outcomes = list(self.outcomes(index, batch))
        records = [outcome for outcome in outcomes if not isinstance(outcome, Reject)]
        rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]
        values = zip(*records, strict=True)
        return Batch(dict(zip(self.schema.record._fields, values, strict=True)) if records else {}, rejects)

    def _together(self, batch: Sequence[Any]) -> RecordColumns | None:
        """The columns of the records, without their index; None where a row has to be looked at alone."""
        if set(map(type, batch)) != {dict}:
            return None
        layout = self.layouts.of(batch[0])
        values = layout.shared(batch)
        checked = values and self.columns.check(values)
        try:
            built = self.schema.read(self.league, checked) if checked else None
        except Refused:
            return None
        if built:
            self.drift.count(layout, len(batch))
        return built

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
            return self.schema.row.validate_python(values)
        except ValidationError as error:
            return error

    def _outcome(self, index: int, row: object, checked: Iterator[Any]) -> Record | Reject:
        if isinstance(row, Unreadable):
            return unreadable(index, row)
        if not isinstance(row, dict):
            return no_object(index, row)
        values = next(checked)
        if isinstance(values, ValidationError):
            return invalid_row(index, row, values, self.schema)
        try:
            return self.schema.read_row(index, self.league, values)
        except Refused as error:
            return refuse_row(index, row, error)


Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one shorter; `itertools.batched` of Python 3.12."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
