"""What is one kind of feed: one value that says all that the rest of the house asks about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Table

from etl.importing import Counts
from etl.importing.feed_rows import Intake
from etl.importing.profile import ChangePlan, Sign
from etl.records.feed_schema import FeedSchema


class Publisher(Protocol):
    """Writes the staged rows of a feed to the platform's tables; returns the figures that publishing adds."""

    def __call__(self, connection: Connection, intake: Intake, *, prune: bool = False) -> Counts: ...


@dataclass(frozen=True, slots=True, eq=False)
class FeedKind:
    """A kind of feed, called as its files are: `<name>.json`, or one of the further `stems`.

    `place` orders publishing: later kinds refer to rows of earlier ones. Rows become records by `schema`, stand in
    `stage`, and are written by `publish` to `tables`; rules of the `domains` gate them. Two records with the same `key`
    are one thing, which is looked for while a feed is read; a kind without one finds that out when it publishes.
    `day` is the column of the day of play; kinds without one have `figures` that only ever grow within a season.
    A row keeps its `lasting` columns for a season once it has them: spellings change, these seldom.
    `signs` counts the patterns of known accidents in a plan. Standings `name_teams`: what follows is linked to
    teams that they made.
    """

    name: str
    place: int
    schema: FeedSchema
    stage: Table
    publish: Publisher
    tables: tuple[Table, ...]
    domains: tuple[str, ...]
    key: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    names_teams: bool = False
    day: str = ""
    figures: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    signs: Callable[[Connection, ChangePlan], Mapping[str, Sign]] = lambda connection, change: {}

    def __str__(self) -> str:
        return self.name
