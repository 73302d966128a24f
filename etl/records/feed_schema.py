"""Which key of a row holds which field: feeds change their keys (`Series`, `series`), their number and their order.

Rows of one feed share a layout, so keys are looked at once per layout, and values are taken column by column.

How one kind of row is read: its keys, the types of its values, and the record that is made of them.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any, get_args

from pydantic import TypeAdapter

from etl import leagues
from etl.reading import capped
from etl.records import Record

_FOLD = re.compile(r"[^a-z0-9%]+")
_LIMIT = 200
_ABSENT = object()  # a key that no row has
_OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a kind of row: the spellings of its key, best first; `optional` ones may be missing unreported."""

    name: str
    spellings: tuple[str, ...]
    optional: bool = False


def slot(*spellings: str, optional: bool = False) -> Slot:
    """A slot that is called by its first spelling."""
    return Slot(spellings[0], tuple(map(fold, spellings)), optional)


def fold(key: str) -> str:
    """What two spellings of one key have in common: `Home Team`, `home_team`."""
    return _FOLD.sub("", key.lower())


@dataclass(slots=True)
class Drift:
    """How often a feed's keys were not the expected ones; of very many distinct keys the rest is one "(others)"."""

    unknown: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    def count(self, layout: KeyMapping, rows: int) -> None:
        """Take some rows of this layout into account."""
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
        found: dict[str, str] = {}
        for key in sorted(keys):  # of two spellings in one row the same wins, in whatever order they stand
            found.setdefault(fold(key), key)
        chosen = tuple(self._choose(slot, found) for slot in self._slots)
        spare = {*chosen, *(found[name] for name in self._ignored if name in found)}
        unknown = tuple(capped(key, 60) for key in keys if key not in spare)
        missing = (s.name for s, key in zip(self._slots, chosen, strict=True) if key is _ABSENT and not s.optional)
        others = tuple(key for key in keys if key not in chosen)
        return KeyMapping(chosen, others, len(keys), unknown[:_LIMIT], tuple(missing))

    @staticmethod
    def _choose(slot: Slot, found: Mapping[str, str]) -> object:
        return next((found[spelling] for spelling in slot.spellings if spelling in found), _ABSENT)


class Refused(ValueError):
    """A row whose values are sound each, but not together; `field` is the one to look at."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class FeedSchema:
    """`values` is the tuple type of a row's values, in the order of `slots`.

    `build` is given the row's index, the feed's league or "", and the checked values. `together` does the same for many
    rows at once: it is given the checked columns, and returns those of the records, behind their index; None where a
    row has to be looked at alone. A kind without it is always read row by row. The adapters check a whole row, and many
    values of one slot.
    """

    slots: tuple[Slot, ...]
    values: Any  # a tuple type: typing has no word for the type of types
    build: Callable[[int, str, Any], Record]
    together: Callable[[str, Sequence[Sequence[Any]]], Sequence[Sequence[Any]] | None] | None = None
    ignored: frozenset[str] = frozenset()
    row: TypeAdapter[Any] = field(init=False)
    columns: tuple[TypeAdapter[list[Any]], ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "row", TypeAdapter(self.values))
        object.__setattr__(self, "columns", tuple(map(_many, get_args(self.values))))


def ignoring(*keys: str) -> frozenset[str]:
    """Keys that are known and not needed."""
    return frozenset(map(fold, keys))


def _many(value: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[value])


@lru_cache(maxsize=4096)
def league_of(own: str | None, source: str | None, feed: str, series: str | None) -> str | None:
    """The row's league, by the best evidence there is: its own word, its source, its folder, its series' name."""
    if own or source:
        return leagues.canonical(own or "") or leagues.canonical(source or "") or feed or None
    return feed or (leagues.of_series(series) if series else None)


@lru_cache(maxsize=4096)
def required_league(own: str | None, source: str | None, feed: str, series: str | None) -> str:
    """The row's league; Refused where nothing tells it."""
    league = league_of(own, source, feed, series)
    if league is None:
        raise Refused("League", "League is missing, and neither the row's source, its folder nor its series tells it")
    return league


def required_leagues(
    owns: Sequence[str | None], sources: Sequence[str | None], feed: str, series: Sequence[str | None]
) -> list[str] | None:
    """The league of each row, None where a row does not tell it."""
    try:
        return list(map(required_league, owns, sources, repeat(feed), series))
    except Refused:
        return None


def filled(texts: Sequence[str | None]) -> list[str | None]:
    """The texts, None in the place of empty ones."""
    return [text or None for text in texts]
