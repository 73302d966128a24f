"""How one kind of row is read: its keys, the types of its values, and the record that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from typing import Any, get_args

from pydantic import TypeAdapter

from etl import leagues
from etl.records.layout import Slot, fold
from etl.records.model import Record


class Refused(ValueError):
    """A row whose values are sound each, but not together; `field` is the one to look at."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Shape:
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
