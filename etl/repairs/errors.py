"""What can go wrong with repairs, as one tree. All of them leave the database as it was.

RepairError
├── NoSuchRepair    no plan or repair has this number
├── PlanOutdated    the rows are not those of the plan any more
├── RepairRefused   the repair would not make it better, or would break something else
└── UndoConflict    undoing would lose later changes
"""

from __future__ import annotations

from etl.errors import EtlError


class RepairError(EtlError):
    """A repair that cannot be made; nothing was changed."""


class NoSuchRepair(RepairError):
    """No plan or repair has this number."""


class PlanOutdated(RepairError):
    """The rows are not those of the plan any more."""


class RepairRefused(RepairError):
    """The repair would not make it better, or would break something else."""


class UndoConflict(RepairError):
    """Undoing would lose later changes; the message names them."""
