"""Repairs of rules: planned by trying them out, made only where they help, and undone."""

from __future__ import annotations

__all__ = ["Attempt", "Means", "Plan", "Preview", "apply", "auto_fix", "fixable", "fixable_in_order", "plan", "preview"]
