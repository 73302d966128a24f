"""Options that several commands share: which rules, and where they come from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

import typer

from checks.engine.collect import collect
from checks.engine.errors import SelectionError
from checks.engine.rules import Rules
from checks.engine.selection import Selection
from checks.engine.spec import Check
from checks.scopes import SOURCES
from flows.settings import Settings, SettingsError

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


def rules_of(settings: Settings) -> Rules:
    """The catalogue, the rules that the settings name, and those of installed plugins."""
    return collect([*SOURCES, *settings.rules], plugins=True)


def one_rule(rules: Rules, name: str) -> Check:
    """The rule of that very name; SelectionError, which names what is near, for none."""
    if name not in rules:
        Selection(names=(name,)).apply(rules)
        raise SelectionError(f"{name!r} is a pattern; expected the name of one rule")
    return rules[name]


def selected(  # noqa: PLR0917 - the options, in the order of the help
    domains: list[str] | None = None,
    tags: list[str] | None = None,
    severities: list[str] | None = None,
    names: list[str] | None = None,
    owners: list[str] | None = None,
    leagues: list[str] | None = None,
) -> Selection:
    """The selection that the options say."""
    return Selection(
        domains=tuple(domains or ()),
        tags=tuple(tags or ()),
        severities=tuple(severities or ()),
        names=tuple(names or ()),
        owners=tuple(owners or ()),
        scope={"league": tuple(leagues)} if leagues else {},
    )


def day(text: str | None) -> date:
    """A day as typed, today without one."""
    if text is None:
        return datetime.now().astimezone().date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no day; expected YYYY-MM-DD") from None


def moment(today: date) -> datetime:
    """The moment that rules compare with: now, or the end of another day."""
    now = datetime.now(UTC)
    if today == now.astimezone().date():
        return now
    return datetime(today.year, today.month, today.day, 23, 59, 59, tzinfo=UTC)
