"""Which rules have a fix, and in which order their fixes help each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checks.engine.errors import SelectionError
from checks.engine.rules import Rules
from checks.engine.selection import Selection
from checks.engine.spec import Check

LAST = ("team_without_schedule", "gap_in_league_schedule", "missing_constraint")
"""What comes in is linked to the teams that there are, and constraints need clean rows."""
FIRST = ("alias_into_another_league", "duplicate_team", "twin_team", "duplicate_match")
"""Names decide what rows are linked to, teams are referred to, and copies would be repaired twice."""


def fixable_in_order(rules: Rules) -> tuple[Check, ...]:
    """The rules that have a fix, the ones first that others build on."""
    return tuple(sorted((check for check in rules.values() if check.fix), key=_place))


def fixable(rules: Rules, name: str) -> tuple[Check, Callable[..., Any]]:
    """A rule and its fix; SelectionError, which names what there is, for a rule without one."""
    if name not in rules:
        Selection(names=(name,)).apply(rules)
    check = rules.get(name)
    if check is None or check.fix is None:
        known = ", ".join(one.name for one in fixable_in_order(rules))
        raise SelectionError(f"rule {name!r} has no fix; rules with a fix: {known}")
    return check, check.fix


def _place(check: Check) -> tuple[int, str, str]:
    if check.name in FIRST:
        return FIRST.index(check.name), "", ""
    if check.name in LAST:
        return len(FIRST) + 1 + LAST.index(check.name), "", ""
    return len(FIRST), check.domain, check.name
