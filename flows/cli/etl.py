"""`rally-health etl`."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from typing import Annotated

import typer

from etl import breaker
from flows.cli.printing import AsJson
from flows.database import open_engine

app = typer.Typer(help="Stop all imports, and let them run again.", no_args_is_help=True)

Why = Annotated[str, typer.Option("--reason", help="Why; it is recorded with your name.")]


@app.command("stop")
def stop(context: typer.Context, reason: Why) -> None:
    """Stop all imports, from the command line and from deployments, until somebody resumes.

    Example: `rally-health etl stop --reason "the scraper sends last year's season"`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        held = breaker.stop(connection, _given(reason), getpass.getuser())
    typer.echo(f'{_sentence(held)}. Next, when it is mended: rally-health etl resume --reason "..."')


@app.command("resume")
def resume(context: typer.Context, reason: Why) -> None:
    """Let imports run again.

    Example: `rally-health etl resume --reason "the scraper is mended"`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        ended = breaker.resume(connection, _given(reason), getpass.getuser())
    if ended is None:
        typer.echo("Imports were not stopped. Next: rally-health import PATH")
    else:
        typer.echo(f"Imports may run again; they were stopped since {ended.at:%Y-%m-%d %H:%M} UTC by {ended.by}:"
                   f" {ended.reason}. Next: rally-health import PATH")  # fmt: skip


@app.command("status")
def status(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many earlier stops to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say whether imports may run, and which stops there were.

    Exit codes: 0 they may run, 3 they are stopped.

    Example: `rally-health etl status`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        held, stops = breaker.in_force(connection), breaker.past(connection, limit)
    if as_json:
        document = {"running": held is None, "stops": [asdict(one) for one in stops]}
        typer.echo(json.dumps(document, indent=2, default=str))
    else:
        typer.echo(f"{_sentence(held)}." if held else "Imports may run.")
        for one in stops:
            if one.resumed_at:
                typer.echo(f"  stopped {one.at:%Y-%m-%d %H:%M} by {one.by}: {one.reason}; resumed"
                           f" {one.resumed_at:%Y-%m-%d %H:%M} by {one.resumed_by}: {one.resume_reason}")  # fmt: skip
    if held:
        raise typer.Exit(3)


def _sentence(held: breaker.Stop) -> str:
    text = str(held)
    return text[0].upper() + text[1:]


def _given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("--reason is empty; someone will ask")
    return reason
