"""`rally-health rejects`: rows that were refused, kept until they pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from etl.importing import ledger_queries
from etl.importing.import_feed import Options
from etl.importing.import_run import replay as try_again
from flows.cli.imports import CODES, print_report
from flows.cli.shared import AsJson, Exit, print_rows, write
from flows.service.context import open_engine

app = typer.Typer(help="Rows that were refused, kept to be tried again.", no_args_is_help=True)
Feed = Annotated[int | None, typer.Option(help="Only rejects of this feed, by its id in `rally-health imports`.")]


@app.command("list")
def list_refused(context: typer.Context, feed: Feed = None, limit: int = 50, as_json: AsJson = False) -> None:
    """List refused rows, newest first, with file, place and reason.

    Example: `rally-health rejects list --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=limit)
    columns = ("id", "feed_id", "path", "index", "field", "reason")
    print_rows(rows, columns, as_json=as_json, nothing="No row is waiting.")


@app.command("show")
def show_reject(
    context: typer.Context, reject: Annotated[int, typer.Argument(help="Its id.")], as_json: AsJson = False
) -> None:
    """Show one refused row, as it stood in its feed.

    Example: `rally-health rejects show 7`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        row = ledger_queries.reject(connection, reject)
    if row is None:
        typer.secho(f"error: there is no reject {reject}; `rally-health rejects list` has their ids", err=True)
        raise typer.Exit(Exit.USAGE)
    if as_json:
        print_rows([row], (), as_json=True, nothing="")
        return
    typer.echo(f"{row['path']}, row {row['index']}, {row['field'] or 'the whole row'}: {row['reason']}")
    typer.echo(row["raw"])


@app.command()
def replay(
    context: typer.Context,
    feed: Feed = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but the commit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try refused rows again, after an alias or the standings were mended.

    Examples: `rally-health rejects replay`, `rally-health rejects replay --feed 12 --dry-run`
    """
    with open_engine(context.obj, application="rally-health import") as engine:
        report = try_again(engine, Options(dry_run=dry_run), feed=feed)
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    elif report.feeds:
        print_report(report)
    else:
        typer.echo("No row is waiting that could be tried again.")
    raise typer.Exit(CODES.get(report.outcome, Exit.OK))


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write; - for standard output.")],
    feed: Feed = None,
) -> None:
    """Write refused rows as JSON Lines: id, file, place, field, reason and the raw row.

    Example: `rally-health rejects export rejects.jsonl --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=None)
    lines = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)
    raise typer.Exit(Exit.OK if write(file, lines) else Exit.PARTIAL)
