"""The named thresholds, with the reasons that stand beside them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise

from checks.engine.rules import Rules
from checks.rules import thresholds


def named_thresholds(rules: Rules) -> Iterator[str]:
    """The section about thresholds, line by line."""
    reasons = _reasons()
    yield "## Thresholds\n"
    yield "| name | limits | what it is for | rules |"
    yield "|---|---|---|---|"
    for name, reason in reasons.items():
        threshold = getattr(thresholds, name)
        users = [f"`{rule.name}`" for rule in rules.values() if rule.threshold is threshold]
        yield f"| {name} | {threshold} | {reason} | {', '.join(users) or '–'} |"


def _reasons() -> Mapping[str, str]:
    """The text under each constant of `checks.rules.thresholds`; Python keeps it in the source only."""
    body = ast.parse(inspect.getsource(thresholds)).body
    return {
        first.targets[0].id: " ".join(then.value.value.split())
        for first, then in pairwise(body)
        if isinstance(first, ast.Assign) and isinstance(first.targets[0], ast.Name)
        if isinstance(then, ast.Expr) and isinstance(then.value, ast.Constant) and isinstance(then.value.value, str)
    }
