"""What a repair is made of. A step says which rows it means by statements, and holds no connection.

Steps are carried out one after another: a later one sees what an earlier one did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Select, Table


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the rows whose ids `rows` selects. Refused where other rows refer to them: that takes a Merge."""

    table: Table
    rows: Select[Any]


@dataclass(frozen=True, slots=True)
class Update:
    """Give rows new values: `rows` selects `id`, and each new value under its column's name.

    Rows that have these values already are left alone.
    """

    table: Table
    rows: Select[Any]


@dataclass(frozen=True, slots=True)
class Insert:
    """Add rows: `rows` selects values under their columns' names."""

    table: Table
    rows: Select[Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """Remove rows in favour of others: `pairs` selects `id` (goes) and `into` (stays).

    Whatever refers to the row that goes is made to refer to the one that stays, in every table of the database.
    """

    table: Table
    pairs: Select[Any]


@dataclass(frozen=True, slots=True)
class Adopt:
    """Put our constraints into force, as far as the rows allow."""


Step: TypeAlias = Delete | Update | Insert | Merge | Adopt
