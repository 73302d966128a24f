"""`rally-health emergency`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checks.engine.report import Exit as Ended
from flows.cli.asking import Yes
from flows.database import open_engine


def emergency(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="What happened, in a sentence; it is recorded.")],
    notify: Annotated[bool, typer.Option("--notify/--no-notify", help="Tell the people of the alert policy.")] = True,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the incident record; else among the reports.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Walk through an emergency: stop imports, assess, notify, propose the fixes, verify, resume, and record it all.

    On a terminal each fix and the resuming are asked for. Elsewhere nothing is fixed or resumed without --yes. The
    record is Markdown with a timeline for the post-mortem.

    Exit codes: 0 healthy in the end, 1 still in trouble, 4 database away, 5 something could not be measured.

    Examples: `rally-health emergency --reason "captains report missing schedules"`,
    `rally-health emergency --reason "nightly import went wrong" --yes`
    """
    from flows.emergency import Deed, Emergency, Walk  # noqa: PLC0415 - the providers of alerts take a second to import
    from flows.emergency_record import path_of, write_record  # noqa: PLC0415

    def tell(deed: Deed) -> None:
        typer.echo(f"{deed.at:%H:%M:%S} {deed.step:7} {deed.text}")

    began = datetime.now(UTC)
    ask = _always if yes else _on_terminal
    with open_engine(context.obj, application="rally-health emergency") as engine:
        walk = Walk(engine, context.obj, Emergency(reason), tell, ask)
        try:
            walk.all(notify=notify)
        finally:
            # also where a step failed: what was done so far is what the post-mortem needs
            if walk.emergency.deeds:
                written = write_record(walk.emergency, record or path_of(context.obj.reports, began))
                typer.echo(f"The incident record: {written}")
    after = walk.emergency.after
    code = after.exit_code() if after else Ended.FAILED
    typer.echo("Next: rally-health check --detailed" if code else "Next: finish the incident record")
    raise typer.Exit(code)


def _always(question: str) -> bool:
    return True


def _on_terminal(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question)
