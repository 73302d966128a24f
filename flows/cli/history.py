"""`rally-health history`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from checks import history as past
from checks.engine.authoring.errors import SelectionError
from flows.service.context import open_engine
from flows.service.health_check import rules_of


def history(
    context: typer.Context,
    rule: Annotated[str | None, typer.Argument(help="A rule; without one, the runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how the score went, or since when a rule is in trouble; newest first.

    Examples: `rally-health history`, `rally-health history match_without_teams --limit 50`
    """
    with open_engine(context.obj) as engine, engine.connect() as connection:
        lines = past.runs(connection, limit) if rule is None else past.events(connection, rule, limit)
    if rule is not None and not lines and rule not in rules_of(context.obj):
        raise SelectionError(f"no rule is called {rule!r}, and none of that name ever ran; see rally-health rules list")
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in lines], indent=2, default=str))
        return
    for line in lines:
        typer.echo(run_line(line) if isinstance(line, past.RunLine) else event_line(line))
    if not lines:
        typer.echo("Nothing has run yet. Next: rally-health check")


def run_line(line: past.RunLine) -> str:
    """A run on one line."""
    score = "unknown" if line.score is None else f"{line.score:>6}"
    return (
        f"{line.at:%Y-%m-%d %H:%M} {score} {line.band:8} {line.failing:3} failing"
        f"  coverage {line.coverage:.0%}  {line.selection}  {line.run}"
    )


def event_line(event: past.Event) -> str:
    """A result on one line."""
    found = f"{event.value:g}" if event.value is not None else "" if event.count is None else f"{event.count:,}"
    whole = f" of {event.total:,}" if event.total is not None else ""
    changed = "".join(f", {n:,} {word}" for n, word in ((event.new, "new"), (event.fixed, "fixed")) if n)
    parameter = f" [{event.parameter}]" if event.parameter else ""
    return f"{event.at:%Y-%m-%d %H:%M} {event.status:8}{parameter} {found}{whole}{changed}  -{event.points}"
