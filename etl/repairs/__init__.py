"""Repairs that can be undone: every row is kept before it is changed, and the change is made from what was kept."""

from __future__ import annotations

from etl.repairs.errors import NoSuchRepair, PlanOutdated, RepairError, RepairRefused, UndoConflict
from etl.repairs.ledger import Change, Repair, State
from etl.repairs.steps import Adopt, Delete, Insert, Merge, Step, Update

__all__ = [
    "Adopt", "Change", "Delete", "Insert", "Merge", "NoSuchRepair", "PlanOutdated", "Repair", "RepairError",
    "RepairRefused", "State", "Step", "UndoConflict", "Update",
]  # fmt: skip
