"""The dead man's switch: somebody is told when nothing tells them any more."""

from __future__ import annotations

from alerts.watching.away import Away, back, tell_away
from alerts.watching.silence import Alarm, alarms, enqueue_alarms

__all__ = ["Alarm", "Away", "alarms", "back", "enqueue_alarms", "tell_away"]
