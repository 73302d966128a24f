"""Repairs that can be undone: every row is kept before it is changed, and the change is made from what was kept.

What can go wrong with repairs, as one tree. All of them leave the database as it was.

RepairError
├── NoSuchRepair    no plan or repair has this number
├── PlanOutdated    the rows are not those of the plan any more
├── RepairRefused   the repair would not make it better, or would break something else
├── RepairUnmeasured  what there is to repair cannot be counted
└── UndoConflict    undoing would lose later changes

What a repair is made of. A step says which rows it means by statements, and holds no connection.

Steps are carried out one after another: a later one sees what an earlier one did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Select, Table

from etl import EtlError


class RepairError(EtlError):
    """A repair that cannot be made; nothing was changed."""


class NoSuchRepair(RepairError):
    """No plan or repair has this number."""


class PlanOutdated(RepairError):
    """The rows are not those of the plan any more."""


class RepairRefused(RepairError):
    """The repair would not make it better, or would break something else."""


class RepairUnmeasured(RepairError):
    """What there is to repair cannot be counted: a lock is in the way, or the rule itself fails."""


class UndoConflict(RepairError):
    """Undoing would lose later changes; the message names them."""


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
