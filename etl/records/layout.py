"""Which key of a row holds which field: feeds change their keys (`Series`, `series`), their number and their order.

Rows of one feed share a layout, so keys are looked at once per layout, and a row costs one tuple of its values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

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

    def count(self, layout: Layout) -> None:
        """Take one row of this layout into account."""
        for counter, keys in ((self.unknown, layout.unknown), (self.missing, layout.missing)):
            for key in keys:
                counter[key if key in counter or len(counter) < _LIMIT else _OTHERS] += 1

    def __bool__(self) -> bool:
        return bool(self.unknown or self.missing)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a kind of row are, for rows with these keys in this order."""

    keys: tuple[object, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    def values(self, row: Mapping[str, object]) -> tuple[object, ...]:
        """The row's values in the order of the slots; None for what it does not have."""
        return tuple(map(row.get, self.keys))  # type: ignore[arg-type]  # get takes any object as a key


class Layouts:
    """The layouts of one feed; a hostile feed has a new one in each row, so the memory for them is limited."""

    def __init__(self, slots: tuple[Slot, ...], ignored: frozenset[str]) -> None:
        self._slots = slots
        self._ignored = ignored
        self._known: dict[tuple[str, ...], Layout] = {}

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
        for key in keys:
            found.setdefault(fold(key), key)
        chosen = tuple(self._choose(slot, found) for slot in self._slots)
        spare = {*chosen, *(found[name] for name in self._ignored if name in found)}
        unknown = tuple(capped(key, 60) for key in keys if key not in spare)
        missing = (s.name for s, key in zip(self._slots, chosen, strict=True) if key is _ABSENT and not s.optional)
        return Layout(chosen, unknown[:_LIMIT], tuple(missing))

    @staticmethod
    def _choose(slot: Slot, found: Mapping[str, str]) -> object:
        return next((found[spelling] for spelling in slot.spellings if spelling in found), _ABSENT)
