"""Which key of a row holds which field: feeds change their keys (`Series`, `series`), their number and their order.

Rows of one feed share a layout, so keys are looked at once per layout, and values are taken column by column.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from etl.reading.row import capped

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

    def count(self, layout: Layout, rows: int) -> None:
        """Take some rows of this layout into account."""
        for counter, keys in ((self.unknown, layout.unknown), (self.missing, layout.missing)):
            for key in keys:
                counter[key if key in counter or len(counter) < _LIMIT else _OTHERS] += rows

    def __bool__(self) -> bool:
        return bool(self.unknown or self.missing)


@dataclass(frozen=True, slots=True)
class Layout:
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


class Layouts:
    """The layouts of one feed; a hostile feed has a new one in each row, so the memory for them is limited."""

    def __init__(self, slots: tuple[Slot, ...], ignored: frozenset[str]) -> None:
        self._slots = slots
        self._ignored = ignored
        self._known: dict[tuple[str, ...], Layout] = {}

    def split(self, rows: Sequence[Mapping[str, object]]) -> Iterator[tuple[Layout, Sequence[Mapping[str, object]]]]:
        """The rows in their order, in stretches that share a layout."""
        for _, stretch in groupby(rows, tuple):
            same = list(stretch)
            yield self.of(same[0]), same

    def of(self, row: Mapping[str, object]) -> Layout:
        """The layout of a row."""
        keys = tuple(row)
        layout = self._known.get(keys)
        if layout is None:
            layout = self._read(keys)
            if len(self._known) < _LIMIT:
                self._known[keys] = layout
        return layout

    def _read(self, keys: tuple[str, ...]) -> Layout:
        found: dict[str, str] = {}
        for key in sorted(keys):  # of two spellings in one row the same wins, in whatever order they stand
            found.setdefault(fold(key), key)
        chosen = tuple(self._choose(slot, found) for slot in self._slots)
        spare = {*chosen, *(found[name] for name in self._ignored if name in found)}
        unknown = tuple(capped(key, 60) for key in keys if key not in spare)
        missing = (s.name for s, key in zip(self._slots, chosen, strict=True) if key is _ABSENT and not s.optional)
        others = tuple(key for key in keys if key not in chosen)
        return Layout(chosen, others, len(keys), unknown[:_LIMIT], tuple(missing))

    @staticmethod
    def _choose(slot: Slot, found: Mapping[str, str]) -> object:
        return next((found[spelling] for spelling in slot.spellings if spelling in found), _ABSENT)
