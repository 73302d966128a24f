"""Ready-made rules: what can be asked of any table, one line each, as functions and as `[[rules]]` of rally.toml."""

from __future__ import annotations

from checks.ready.figures import drifts, filled, fresh, never_shrinks, row_count, same_as
from checks.ready.rows import accepted_values, between, matches, not_null, references, unique

__all__ = [
    "accepted_values",
    "between",
    "drifts",
    "filled",
    "fresh",
    "matches",
    "never_shrinks",
    "not_null",
    "references",
    "row_count",
    "same_as",
    "unique",
]
