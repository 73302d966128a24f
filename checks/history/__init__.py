"""What earlier runs found: read before a run, written after it, asked by people."""

from __future__ import annotations

from checks.history.listing import Event, RunLine, events, runs
from checks.history.reading import load
from checks.history.saving import save
from checks.history.waiving import active_waivers, waive, withdraw

__all__ = ["Event", "RunLine", "active_waivers", "events", "load", "runs", "save", "waive", "withdraw"]
