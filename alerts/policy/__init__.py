"""Who hears of what, when and by which channel: data, read from TOML."""

from __future__ import annotations

from alerts.policy.load import load_policy
from alerts.policy.model import Escalation, Maintenance, Policy, Route, Step, Watch
from alerts.policy.people import Channel, Person
from alerts.policy.times import Hours

__all__ = [
    "Channel", "Escalation", "Hours", "Maintenance", "Person", "Policy", "Route", "Step", "Watch", "load_policy",
]  # fmt: skip
