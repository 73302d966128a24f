"""`rally-health import` and `rally-health imports`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from etl.importing import looking
from flows.cli.exits import Exit
from flows.cli.files import write
from flows.cli.importing import CODES, Progress, print_report
from flows.cli.printing import AsJson, print_rows
from flows.cli.stage import say_lost
from flows.context import Surroundings
from flows.database import open_engine
from flows.importing import Delivery, import_all
from flows.running import run


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
    allow: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Let this guard or gate rule pass once; needs --reason.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why --allow is right; it is recorded with your name.")] = "",
) -> None:
    """Import feeds; each is published whole or not at all, and none holds back another.

    Exit codes: 0 published, 2 wrong usage, 3 refused (blocked by the gate, or no readable feed), 4 database away,
    75 another import is running.

    Examples: `rally-health import feeds/2025-06-30T0809/all`, `rally-health import feeds --json report.json`,
    `rally-health import feeds --allow shrunken_feed --reason "the season ended"`
    """
    if allow and not reason.strip():
        raise typer.BadParameter("--allow needs --reason: it is recorded, and someone will ask")
    delivery = Delivery(paths, force, dry_run, prune, wait, allow or (), reason)
    with Progress() as progress:
        around = Surroundings(context.obj, progress.read)
        report = run(
            around,
            lambda around: import_all(around.settings, delivery, progress=around.progress),
            "flows.import_feeds:import_feeds",
            paths=[str(path) for path in paths], force=force, dry_run=dry_run, prune=prune, wait=wait, allow=allow,
            allow_reason=reason,
        )  # fmt: skip
    say_lost(around)
    written = write(json_file, json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
    if json_file != Path("-"):
        print_report(report)
    code = CODES.get(report.outcome, Exit.OK)
    raise typer.Exit(code if written or code else Exit.PARTIAL)


def imports(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many feeds to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show which feeds were imported, newest first: when, how it ended, what changed, and what was let pass.

    Example: `rally-health imports --limit 50`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = looking.feeds(connection, limit=limit)
    figures = ("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn")
    columns = ("id", "started_at", "kind", "league", "outcome", *figures, "why")
    rows = [{**row, "why": "; ".join([*row["reasons"], *map(_let_pass, row["allowed"])])} for row in rows]
    print_rows(rows, columns, as_json=as_json, nothing="Nothing was imported yet. Next: rally-health import PATH")


def _let_pass(one: Mapping[str, str]) -> str:
    return f"{one['rule']} let pass by {one['who']}: {one['why']}"
