"""Who has to hear of what at this moment: pure functions of policy, incidents, what was told, and the time."""

from __future__ import annotations

from alerts.planning.decide import decide
from alerts.planning.grouping import plan
from alerts.planning.model import Decision, Item, Planned, Reason, Told

__all__ = ["Decision", "Item", "Planned", "Reason", "Told", "decide", "plan"]
