"""`rally-health init`."""

from __future__ import annotations

import typer

from etl.migrate import current, newest, upgrade
from etl.snapshots import holds_rows
from flows.database import open_engine
from flows.repairing import snapshot_before


def init(context: typer.Context) -> None:
    """Create or update the tables, and adopt an existing Rally database without touching a row, behind a snapshot.

    Examples: `rally-health init`, `rally-health --database postgresql://rally@db/rally init`
    """
    with open_engine(context.obj, migrated=False) as engine:
        if holds_rows(engine) and current(engine) != newest():
            typer.echo(f"Snapshot {snapshot_before(engine, context.obj, 'adoption').name} was taken.")
        obstacles = upgrade(engine)
    typer.echo(f"The database is at revision {newest()}.")
    for obstacle in obstacles:
        typer.secho(f"warning: {obstacle}", fg=typer.colors.YELLOW, err=True)
    typer.echo("Next: rally-health import PATH")
