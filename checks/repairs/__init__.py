"""Repairs of rules: planned by trying them out, made only where they help, and undone."""

from __future__ import annotations

from checks.repairs.apply import apply
from checks.repairs.auto import Attempt, auto_fix
from checks.repairs.listing import Preview, preview
from checks.repairs.means import Means
from checks.repairs.order import fixable, fixable_in_order
from checks.repairs.plan import Plan, plan

__all__ = ["Attempt", "Means", "Plan", "Preview", "apply", "auto_fix", "fixable", "fixable_in_order", "plan", "preview"]
