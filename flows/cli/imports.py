"""`rally-health import`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from etl.importing.results import ImportReport, Outcome
from flows.cli.exits import Exit
from flows.cli.importing import Progress, print_report
from flows.context import Surroundings, surrounded

CODES = {Outcome.BLOCKED: Exit.REFUSED, Outcome.FAILED: Exit.REFUSED}


def import_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Feeds: files, folders of a league, or trees of them.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON to FILE; - for standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Import a feed that was published before, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but the commit.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete rows that a feed has withdrawn.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another import to end.", min=0)] = 0,
) -> None:
    """Import feeds; each is published whole or not at all, and none holds back another.

    Examples: `rally-health import feeds/2025-06-30T0809/all`, `rally-health import feeds --json report.json`
    """
    from flows.import_feeds import import_feeds  # noqa: PLC0415 - Prefect takes two seconds to import
    from flows.running import run_flow  # noqa: PLC0415

    with Progress() as progress, surrounded(Surroundings(context.obj, progress.read)):
        report = run_flow(
            import_feeds, [str(path) for path in paths], force=force, dry_run=dry_run, prune=prune, wait=wait
        )
    write_json(report, json_file)
    if json_file != Path("-"):
        print_report(report)
    raise typer.Exit(CODES.get(report.outcome, Exit.OK))


def write_json(report: ImportReport, file: Path | None) -> None:
    """Write the report's document to a file, `-` being standard output."""
    text = json.dumps(report.to_json(), indent=2)
    if file == Path("-"):
        typer.echo(text)
    elif file:
        file.write_text(text + "\n")
