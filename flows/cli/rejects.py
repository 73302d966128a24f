"""`rally-health rejects`: rows that were refused; each is kept until it passes, or is settled."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from checks.engine.authoring.units import number_of
from etl.circuit_breaker import ImportsStopped
from etl.importing import ImportReport, ledger_queries
from flows.cli import shared
from flows.cli.imports import CODES, DryRun, print_report
from flows.service.context import open_engine
from flows.settings import Settings

rejects_app = typer.Typer(help="Rows that were refused, kept to be tried again.", no_args_is_help=True)
FeedFilter = Annotated[int | None, typer.Option(help="Only rejects of this feed, by its id in `rally-health imports`.")]


@rejects_app.command("list")
def list_refused(
    context: typer.Context, feed: FeedFilter = None, limit: int = 50, json_file: shared.JsonFile = None
) -> None:
    """List refused rows, newest first, with file, place and reason; in JSON `cut` marks what was kept in part.

    Example: `rally-health rejects list --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=limit)
    columns = ("id", "feed_id", "path", "index", "field", "reason")
    shared.print_rows(rows, columns, json_file=json_file, nothing="No row is waiting.")


@rejects_app.command("show")
def show_reject(
    context: typer.Context, reject: Annotated[int, typer.Argument(help="Its id.")], json_file: shared.JsonFile = None
) -> None:
    """Show one refused row, as it stood in its feed.

    Example: `rally-health rejects show 7`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        row = ledger_queries.reject(connection, reject)
    if shared.shown_as_json(json_file, [row]):
        return
    typer.echo(f"{row['path']}, row {row['index']}, {row['field'] or 'the whole row'}: {row['reason']}")
    typer.echo(row["raw"])
    if row["cut"]:
        typer.echo("Only its beginning was kept: look it up in its feed.")


@rejects_app.command()
def replay(
    context: typer.Context,
    feed: FeedFilter = None,
    dry_run: DryRun = False,
    json_file: shared.JsonFile = None,
) -> None:
    """Try refused rows again, after an alias or the standings were mended.

    Examples: `rally-health rejects replay`, `rally-health rejects replay --feed 12 --dry-run`
    """
    from flows.service.import_feeds import replay_rejects  # noqa: PLC0415 - lists need neither rules nor publishers

    try:
        report = replay_rejects(context.obj, feed=feed, dry_run=dry_run)
    except ImportsStopped as error:  # whoever reads the document learns it, too
        shared.shown_as_json(json_file, ImportReport(0, (), dry_run, reasons=(str(error),)).to_json())
        raise
    if not shared.shown_as_json(json_file, report.to_json()):
        if report.feeds:
            print_report(report)
        else:
            typer.echo("No row is waiting that could be tried again.")
    _say_what_stays(context.obj, feed)
    raise typer.Exit(CODES.get(report.outcome, shared.Exit.OK))


def _say_what_stays(settings: Settings, feed: int | None) -> None:
    with open_engine(settings) as engine, engine.begin() as connection:
        cut = ledger_queries.count_cut_rejects(connection, feed=feed)
    if cut:
        note = f"note: {number_of(cut, 'rows')} too long to be kept whole; mend them in their feed and import it again"
        typer.echo(note, err=True)


@rejects_app.command("settle")
def settle(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why they may stay out; it is recorded with your name.")],
    numbers: Annotated[list[int] | None, typer.Argument(metavar="ID", help="Ids in `rejects list`.")] = None,
    feed: Annotated[int | None, typer.Option(help="In place of ids: all that wait of this feed.")] = None,
    by: Annotated[str | None, typer.Option(help="Who decides it; without it, the name of this user account.")] = None,
) -> None:
    """Decide that refused rows stay out: they wait no more, and neither do the same rows of later feeds.

    The rows stay in the ledger with who settled them and why; `report weekly` names it under governance.

    Examples: `rally-health rejects settle 7 8 --reason "a friendly, no league match"`,
    `rally-health rejects settle --feed 12 --reason "last year's season"`
    """
    if bool(numbers) == (feed is not None):
        raise typer.BadParameter("name either rejects by their ids or one feed by --feed")
    if not reason.strip():
        raise typer.BadParameter("--reason is empty; someone will ask")
    who = by or getpass.getuser()
    with open_engine(context.obj) as engine, engine.begin() as connection:
        settled = ledger_queries.settle_rejects(connection, numbers or (), feed, who=who, reason=reason.strip())
    typer.echo(f"{number_of(settled, 'rows')} settled by {who}. Next: rally-health rejects list")


@rejects_app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write; - for standard output.")],
    feed: FeedFilter = None,
) -> None:
    """Write refused rows as JSON Lines: id, file, place, field, reason, the raw row, and whether that was `cut`.

    Example: `rally-health rejects export rejects.jsonl --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=None)
    lines = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)
    raise typer.Exit(shared.Exit.OK if shared.write(file, lambda: lines, private=True) else shared.Exit.PARTIAL)
