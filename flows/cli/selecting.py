"""Options that several commands share: which rules, and where they come from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

import typer

from checks.engine.errors import SelectionError
from checks.engine.rules import Rules
from checks.engine.selection import Selection
from checks.engine.spec import Check
from flows.settings import SettingsError

Domains: TypeAlias = Annotated[list[str] | None, typer.Option("--domain", help="Only this domain; repeat for more.")]
Tags: TypeAlias = Annotated[list[str] | None, typer.Option("--tag", help="Only rules with this tag; repeat for more.")]
Severities: TypeAlias = Annotated[
    list[str] | None, typer.Option("--severity", help="Only LOW, MEDIUM or HIGH; repeat for more.")
]
Names: TypeAlias = Annotated[
    list[str] | None, typer.Option("--name", metavar="GLOB", help="Only rules of this name, * and ? allowed.")
]
Owners: TypeAlias = Annotated[list[str] | None, typer.Option("--owner", help="Only rules of this owner.")]
Leagues: TypeAlias = Annotated[
    list[str] | None, typer.Option("--league", help="Only rows of this league, such as CNSWPL; repeat for more.")
]


def one_rule(rules: Rules, name: str) -> Check:
    """The rule of that very name; SelectionError, which names what is near, for none."""
    if name not in rules:
        Selection(names=(name,)).apply(rules)
        raise SelectionError(f"{name!r} is a pattern; expected the name of one rule")
    return rules[name]


def day(text: str | None) -> date | None:
    """A day as typed; None, for today, without one."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no day; expected YYYY-MM-DD") from None
