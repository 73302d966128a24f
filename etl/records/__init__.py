"""Feed rows become records, or rejects that say why not.

A record is a NamedTuple of a kind of feed (see `etl.kinds`) whose first field is `index`, the row's place in its feed.
Names are kept as scraped, double spaces included: resolving them is not the business of this package. Names of players
and captains are personal data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = tuple[Any, ...]
"""A row that passed validation: an instance of its kind's NamedTuple."""
RecordColumns = dict[str, Sequence[Any]]
"""Values of some rows by the name of their column; no rows have no columns."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no record: why, in which field, and the row itself as JSON, storable and cut to RAW_LIMIT."""

    index: int
    reason: str
    field: str | None
    raw: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a feed: the values of its records by column, none where it has none, and its rejects."""

    columns: Mapping[str, Sequence[Any]]
    rejects: Sequence[Reject] = ()
