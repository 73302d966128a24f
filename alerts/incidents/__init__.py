"""Incidents: a rule that is not OK, from the run that saw it first to the run that saw it gone."""

from __future__ import annotations

from alerts.incidents.listing import Event, all_events, find, listed
from alerts.incidents.model import Incident
from alerts.incidents.opening import Update, open_incidents
from alerts.incidents.people import acknowledge, acknowledge_by_token, assign, note, resolve

__all__ = [
    "Event", "Incident", "Update", "acknowledge", "acknowledge_by_token", "all_events", "assign", "find", "listed",
    "note", "open_incidents", "resolve",
]  # fmt: skip
