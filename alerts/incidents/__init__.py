"""Incidents: a rule that is not OK, from the run that saw it first to the run that saw it gone."""

from __future__ import annotations

__all__ = [
    "Event", "Incident", "Update", "acknowledge", "acknowledge_by_token", "all_events", "assign", "find", "listed",
    "note", "open_incidents", "resolve",
]  # fmt: skip
