"""How one kind of row is read: a record's columns, each named once with its type and the key that holds it in a feed.

Feeds change their keys (`Series`, `series`), their number and their order. Rows of one feed share a layout, so keys
are looked at once per layout, and values are taken column by column. Nothing depends on the order of the columns.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, repeat
from operator import itemgetter
from typing import Annotated, Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import TypedDict  # pydantic takes no other below Python 3.12

from etl import leagues
from etl.reading import capped
from etl.records import Record, RecordColumns
from etl.records.fields import Text

_FOLD = re.compile(r"[^a-z0-9%]+")
_LIMIT = 200
_ABSENT = object()  # a key that no row has
_OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Key:
    """Where a row holds a column's value: the spellings of its key, best first, and what stands there.

    An `optional` key may be missing unreported. A `part` is a key of the object that stands under the key. `reads` is
    the type of what stands in the feed, where the record's column has another.
    """

    spellings: tuple[str, ...]
    optional: bool = False
    part: str = ""
    reads: Any = None


def key(*spellings: str, optional: bool = False, part: str = "", reads: Any = None) -> Key:
    """Marks a column of a record, inside `Annotated`, with the key that holds it in a feed."""
    return Key(spellings, optional, part, reads)


@dataclass(frozen=True, slots=True)
class Slot:
    """One key of a kind of row, called by its first spelling, and the type of its value; `target` is what it fills."""

    name: str
    spellings: tuple[str, ...]
    optional: bool
    target: str
    type: Any


def fold(key: str) -> str:
    """What two spellings of one key have in common: `Home Team`, `home_team`."""
    return _FOLD.sub("", key.lower())


@dataclass(slots=True)
class Drift:
    """How often a feed's keys were not the expected ones; of very many distinct keys the rest is one "(others)"."""

    unknown: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    """What the feed has a key for, in any row."""
    mended: set[str] = field(default_factory=set)
    """Distinct texts that were read as they were meant: without HTML entities or a second encoding."""

    def count(self, layout: KeyMapping, rows: int) -> None:
        """Take some rows of this layout into account."""
        self.told |= layout.told
        for counter, keys in ((self.unknown, layout.unknown), (self.missing, layout.missing)):
            for key in keys:
                counter[key if key in counter or len(counter) < _LIMIT else _OTHERS] += rows

    def __bool__(self) -> bool:
        return bool(self.unknown or self.missing)


@dataclass(frozen=True, slots=True)
class KeyMapping:
    """Where the fields of a kind of row are, for rows with these keys; `others` are those that hold no field."""

    keys: tuple[object, ...]
    others: tuple[str, ...]
    size: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    told: frozenset[str]

    def columns(self, rows: Sequence[Mapping[str, object]]) -> list[Sequence[object]]:
        """The values of rows of this layout, a column for each slot; None for what they do not have."""
        nothing = [None] * len(rows)
        return [nothing if key is _ABSENT else list(map(itemgetter(key), rows)) for key in self.keys]

    def shared(self, rows: Sequence[Mapping[str, object]]) -> list[Sequence[object]] | None:
        """The same for rows that may have another layout; None where one has."""
        if sum(map(len, rows)) != self.size * len(rows):
            return None
        try:  # rows that have every key, and no more keys in all, have these keys each
            for key in self.others:
                deque(map(itemgetter(key), rows), 0)
            return self.columns(rows)
        except KeyError:
            return None


class KeyMappings:
    """The layouts of one feed; a hostile feed has a new one in each row, so the memory for them is limited."""

    def __init__(self, slots: tuple[Slot, ...], ignored: frozenset[str]) -> None:
        self._slots = slots
        self._ignored = ignored
        self._known: dict[tuple[str, ...], KeyMapping] = {}

    def split(
        self, rows: Sequence[Mapping[str, object]]
    ) -> Iterator[tuple[KeyMapping, Sequence[Mapping[str, object]]]]:
        """The rows in their order, in stretches that share a layout."""
        for _, stretch in groupby(rows, tuple):
            same = list(stretch)
            yield self.of(same[0]), same

    def of(self, row: Mapping[str, object]) -> KeyMapping:
        """The layout of a row."""
        keys = tuple(row)
        layout = self._known.get(keys)
        if layout is None:
            layout = self._read(keys)
            if len(self._known) < _LIMIT:
                self._known[keys] = layout
        return layout

    def _read(self, keys: tuple[str, ...]) -> KeyMapping:
        by_folded_name: dict[str, str] = {}
        for key in sorted(keys):  # of two spellings in one row the same wins, in whatever order they stand
            by_folded_name.setdefault(fold(key), key)
        chosen = tuple(self._choose(slot, by_folded_name) for slot in self._slots)
        spare = {*chosen, *(by_folded_name[name] for name in self._ignored if name in by_folded_name)}
        unknown = tuple(capped(key, 60) for key in keys if key not in spare)
        missing = (s.name for s, key in zip(self._slots, chosen, strict=True) if key is _ABSENT and not s.optional)
        others = tuple(key for key in keys if key not in chosen)
        told = frozenset(s.target for s, key in zip(self._slots, chosen, strict=True) if key is not _ABSENT)
        return KeyMapping(chosen, others, len(keys), unknown[:_LIMIT], tuple(missing), told)

    @staticmethod
    def _choose(slot: Slot, found: Mapping[str, str]) -> object:
        return next((found[spelling] for spelling in slot.spellings if spelling in found), _ABSENT)


class Refused(ValueError):
    """A row whose values are sound each, but not together; `field` is the one to look at."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


SOURCE = "source_league"
NO_LEAGUE = "League is missing, and neither the row's source, its folder nor its series tells it"


@dataclass(frozen=True, slots=True, eq=False)
class FeedSchema:
    """`record` is the NamedTuple of what a row becomes; its columns with a `key` are read, the others derived.

    `inputs` are further values that are read, each an annotation with its key. `derive` is given the columns of checked
    values, and fills in the rest; it raises Refused where a row is wrong as a whole. With `league_required` every row
    must tell its league, or its folder or series. The adapters check a whole row, and many values of one slot.
    """

    record: type[Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    derive: Callable[[RecordColumns], None] = lambda columns: None
    league_required: bool = True
    ignored: frozenset[str] = frozenset()
    slots: tuple[Slot, ...] = field(init=False)
    parts: Mapping[str, tuple[str, str]] = field(init=False)
    row: TypeAdapter[Any] = field(init=False)
    columns: tuple[TypeAdapter[list[Any]], ...] = field(init=False)

    def __post_init__(self) -> None:
        source = {SOURCE: Annotated[Text, key(SOURCE, optional=True)]}
        read = {**get_type_hints(self.record, include_extras=True), **self.inputs, **source}
        keys = {name: (found, hint) for name, hint in read.items() if (found := _key_of(hint))}
        slots = _slots(keys)
        types = tuple(slot.type for slot in slots)
        object.__setattr__(self, "slots", slots)
        object.__setattr__(self, "parts", {name: (k.spellings[0], k.part) for name, (k, _) in keys.items() if k.part})
        object.__setattr__(self, "row", _built_when_used(tuple[types]))  # type: ignore[valid-type]  # known at run time only
        object.__setattr__(self, "columns", tuple(_built_when_used(list[value]) for value in types))  # type: ignore[valid-type]

    def read(self, feed: str, checked: Sequence[Sequence[Any]]) -> RecordColumns:
        """The records' columns by name, without their index, from checked values in the order of `slots`.

        `feed` is the feed's league or "". Raises Refused where a row has to be looked at alone.
        """
        columns = {slot.target: values for slot, values in zip(self.slots, checked, strict=True)}
        for name, (whole, part) in self.parts.items():
            columns[name] = [value.get(part) if value else None for value in columns[whole]]
        columns["league"] = leagues_of(columns, feed)
        if self.league_required:
            require_leagues(columns["league"])
        self.derive(columns)
        return {name: columns[name] for name in self.record._fields[1:]}

    def untold(self, told: Set[str]) -> frozenset[str]:
        """Columns of the record that a feed says nothing of, as it has none of their keys."""
        silent = {slot.target for slot in self.slots} - told
        return frozenset(silent | {name for name, (whole, _) in self.parts.items() if whole in silent})

    def read_row(self, index: int, feed: str, checked: Sequence[Any]) -> Record:
        """The record of one row; Refused where it is none."""
        columns = self.read(feed, [(value,) for value in checked])
        record: Record = self.record(index, **{name: values[0] for name, values in columns.items()})
        return record


def ignoring(*keys: str) -> frozenset[str]:
    """Keys that are known and not needed."""
    return frozenset(map(fold, keys))


def _key_of(hint: Any) -> Key | None:
    return next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Key)), None)


def _slots(keys: Mapping[str, tuple[Key, Any]]) -> tuple[Slot, ...]:
    """A slot for each key; columns that are parts of one object share theirs."""
    objects: dict[str, dict[str, Any]] = {}
    for mark, hint in keys.values():
        if mark.part:
            objects.setdefault(mark.spellings[0], {})[mark.part] = hint
    slots: dict[str, Slot] = {}
    for name, (mark, hint) in keys.items():
        first = mark.spellings[0]
        parts = objects.get(first) if mark.part else None
        of = TypedDict(first, parts, total=False) | None if parts else mark.reads or hint  # type: ignore[operator]
        slot = Slot(first, tuple(map(fold, mark.spellings)), mark.optional, first if parts else name, of)
        slots.setdefault(first, slot)
    return tuple(slots.values())


def _built_when_used(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(defer_build=True))


@lru_cache(maxsize=4096)
def league_of(own: str | None, source: str | None, feed: str, series: str | None) -> str | None:
    """The row's league, by the best evidence there is: its own word, its source, its folder, its series' name."""
    if own or source:
        return leagues.canonical(own or "") or leagues.canonical(source or "") or feed or None
    return feed or (leagues.of_series(series) if series else None)


def leagues_of(columns: RecordColumns, feed: str) -> list[str | None]:
    """The league of each row, None where nothing tells it."""
    told = {*columns["league"]}, {*columns[SOURCE]}
    if all(len(one) == 1 for one in told) and any(map(any, told)):  # nearly always: one league, and no series is asked
        return [league_of(*told[0], *told[1], feed, None)] * len(columns["league"])
    return list(map(league_of, columns["league"], columns[SOURCE], repeat(feed), columns["series"]))


def require_leagues(found: Sequence[str | None]) -> None:
    """Refused where a league is None."""
    if None in found:
        raise Refused("League", NO_LEAGUE)
