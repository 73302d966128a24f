"""`rally-health watch`."""

from __future__ import annotations

import json

import typer

from flows.alerting import Watched, watch_once
from flows.cli.exits import Exit
from flows.cli.printing import AsJson
from flows.cli.stage import say_lost
from flows.context import Surroundings
from flows.running import run


def watch(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell somebody when health checks are silent: the dead man's switch.

    Run it every hour, on another machine than the checks. It tells the watchers of the alert policy when no health
    check has finished for 26 hours, when messages wait that nobody sends, and when the database is away.

    Exit codes: 0 all is well, 1 there was something to tell, 4 the database is away, 5 nobody could be told.

    Example: `rally-health watch`
    """
    around = Surroundings(context.obj)
    seen = run(around, lambda around: watch_once(around.settings), "flows.watch:watch")
    say_lost(around)
    if as_json:
        document = {"alarms": list(seen.alarms), "told": seen.told, "failed": seen.failed, "away": seen.away}
        typer.echo(json.dumps(document, indent=2))
    else:
        for alarm in seen.alarms or ("Health checks run.",):
            typer.echo(alarm)
        if seen.told or seen.failed:
            typer.echo(f"{seen.told} told, {seen.failed} could not be told. Next: rally-health alerts outbox")
    raise typer.Exit(_ending(seen))


def _ending(seen: Watched) -> Exit:
    if seen.failed:
        return Exit.PARTIAL
    if seen.away:
        return Exit.INFRASTRUCTURE
    return Exit.CHECKS_FAILED if seen.alarms else Exit.OK
