"""How one kind of row is read: its keys, the types of its values, and the record that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """`build` is given the row's index, the feed's league or "", and the checked values in the order of `slots`."""

    slots: tuple[Slot, ...]
    adapter: TypeAdapter[list[Any]]
    build: Callable[[int, str, Any], Record]
    ignored: frozenset[str] = frozenset()


def ignoring(*keys: str) -> frozenset[str]:
    """Keys that are known and not needed."""
    return frozenset(map(fold, keys))


def league_of(own: str | None, source: str | None, feed: str, series: str | None) -> str | None:
    """The row's league, by the best evidence there is: its own word, its source, its folder, its series' name."""
    if own or source:
        return leagues.canonical(own or "") or leagues.canonical(source or "") or feed or None
    return feed or (leagues.of_series(series) if series else None)


def required_league(own: str | None, source: str | None, feed: str, series: str | None) -> str:
    """The row's league; Refused where nothing tells it."""
    league = league_of(own, source, feed, series)
    if league is None:
        raise Refused("League", "League is missing, and neither the row's source, its folder nor its series tells it")
    return league
