"""`rally-health import`, `imports`, `rejects` and `names`: what comes in, what was refused, and which team is meant.

An import shows a bar while it reads and a table when it is done. A row that was refused is kept until it passes; a name
that means no team is kept until a person says which one it means.
"""

from __future__ import annotations

import getpass
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from etl import leagues
from etl.feeds import Feed
from etl.importing import FeedResult, ImportReport, Outcome, ledger_queries
from etl.importing.import_feed import Options
from etl.importing.import_run import replay as try_again
from flows.bridge.entry import run
from flows.cli.shared import AsJson, Exit, print_rows, requested, say_lost, write
from flows.service.context import Invocation, open_engine
from flows.service.requests import ImportRequest

if TYPE_CHECKING:
    from prefect import Flow

log = logging.getLogger("rally.import")
CODES = {Outcome.BLOCKED: Exit.REFUSED, Outcome.FAILED: Exit.REFUSED}
NEXT = {
    Outcome.BLOCKED: "look at the feed; what is right all the same goes through with --allow NAME --reason TEXT",
    Outcome.FAILED: "what was not published can be imported again; see rally-health imports",
}
LOG_EVERY = 64 * 1024 * 1024
STYLES = {Outcome.PUBLISHED: "green", Outcome.UNCHANGED: "dim", Outcome.BLOCKED: "red", Outcome.FAILED: "red"}
FIGURES = {
    "rows": "rows", "rejects": "rejects", "unlinked": "unlinked", "inserted": "new", "updated": "changed",
    "unchanged": "same", "withdrawn": "gone",
}  # fmt: skip


class Progress:
    """Bytes read of each feed: a bar on a terminal, a line of the log now and then elsewhere."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
        self.bar = Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.feeds: dict[Feed, tuple[TaskID, int]] = {}

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def read(self, feed: Feed, count: int) -> None:
        """Note that `count` more bytes of a feed were read."""
        if feed not in self.feeds:
            size = feed.path.stat().st_size
            self.feeds[feed] = self.bar.add_task(f"{feed.kind} of {feed.league}", total=size), 0
        task, before = self.feeds[feed]
        self.feeds[feed] = task, before + count
        self.bar.update(task, advance=count)
        if self.bar.disable and before // LOG_EVERY != (before + count) // LOG_EVERY:
            log.info("%s of %s: %d MB read", feed.kind, feed.league, (before + count) // 2**20)


def print_report(report: ImportReport) -> None:
    """Print one line a feed, then what a person should look at."""
    console = Console()
    console.print(_table(report))
    for path in report.ignored:
        console.print(f"[yellow]left out:[/] {escape(path)}")
    for feed in report.feeds:
        for line in _remarks(feed):
            console.print(f"[{STYLES[feed.outcome]}]{feed.outcome}[/] {escape(line)}", highlight=False, soft_wrap=True)
    ending = "nothing was committed (dry run)" if report.dry_run else str(report.outcome)
    console.print(
        f"Import run {report.run}: {ending}. Next: {NEXT.get(report.outcome, 'rally-health check')}", soft_wrap=True
    )


def _table(report: ImportReport) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    table.add_column("feed", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for name in FIGURES.values():
        table.add_column(name, justify="right", no_wrap=True)
    for feed in report.feeds:
        figures = (f"{getattr(feed.counts, name):,}" for name in FIGURES)
        outcome = f"[{STYLES[feed.outcome]}]{feed.outcome}[/]"
        table.add_row(escape(f"{feed.kind} {feed.league}"), outcome, *figures)
    return table


def _remarks(feed: FeedResult) -> list[str]:
    lines = [f"{feed.path}: {reason}" for reason in feed.reasons]
    lines += [f"{feed.path}: let pass by {one['who']} ({one['why']}): {one['reason']}" for one in feed.allowed]
    if feed.outcome is not Outcome.PUBLISHED:
        return lines
    if feed.counts.rejects:
        lines.append(f"{feed.path}: {feed.counts.rejects:,} rows refused; see rally-health rejects list")
    if feed.counts.unlinked:
        lines.append(f"{feed.path}: {feed.counts.unlinked:,} sides without a team; see rally-health names unresolved")
    for how, keys in feed.drift.items():
        told = ", ".join(f"{key} ({rows:,} rows)" for key, rows in sorted(keys.items()))
        lines += [f"{feed.path}: {how} keys: {told}"] if told else []
    return lines


def import_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Feeds: files, folders, or trees of them; without any RALLY_FEEDS.")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only feeds of this kind, such as schedules; repeat for more.")
    ] = None,
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
    from flows.service.import_feeds import import_all  # noqa: PLC0415 - lists need neither rules nor publishers

    request = requested(ImportRequest, context)
    with Progress() as progress:
        invocation = Invocation(context.obj, progress.read)
        report = run(invocation, import_all, _flow, request)
    say_lost(invocation)
    written = write(json_file, lambda: json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
    if json_file != Path("-"):
        print_report(report)
    code = CODES.get(report.outcome, Exit.OK)
    raise typer.Exit(code if written or code else Exit.PARTIAL)


def _flow() -> Flow[..., Any]:
    from flows.flows import import_feeds  # noqa: PLC0415 - Prefect takes two seconds to import

    return import_feeds


def imports(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many feeds to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show which feeds were imported, newest first: when, how it ended, what changed, and what was let pass.

    Example: `rally-health imports --limit 50`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.feeds(connection, limit=limit)
    figures = ("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn")
    columns = ("id", "started_at", "kind", "league", "outcome", *figures, "why")
    rows = [
        {"run": row.pop("run_id"), **row, "why": "; ".join([*row["reasons"], *map(_let_pass, row["allowed"])])}
        for row in map(dict, rows)
    ]
    print_rows(rows, columns, as_json=as_json, nothing="Nothing was imported yet. Next: rally-health import PATH")


def _let_pass(one: Mapping[str, str]) -> str:
    return f"{one['rule']} let pass by {one['who']}: {one['why']}"


rejects_app = typer.Typer(help="Rows that were refused, kept to be tried again.", no_args_is_help=True)
FeedFilter = Annotated[int | None, typer.Option(help="Only rejects of this feed, by its id in `rally-health imports`.")]


@rejects_app.command("list")
def list_refused(context: typer.Context, feed: FeedFilter = None, limit: int = 50, as_json: AsJson = False) -> None:
    """List refused rows, newest first, with file, place and reason.

    Example: `rally-health rejects list --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=limit)
    columns = ("id", "feed_id", "path", "index", "field", "reason")
    print_rows(rows, columns, as_json=as_json, nothing="No row is waiting.")


@rejects_app.command("show")
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


@rejects_app.command()
def replay(
    context: typer.Context,
    feed: FeedFilter = None,
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


@rejects_app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to write; - for standard output.")],
    feed: FeedFilter = None,
) -> None:
    """Write refused rows as JSON Lines: id, file, place, field, reason and the raw row.

    Example: `rally-health rejects export rejects.jsonl --feed 12`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.list_rejects(connection, feed=feed, limit=None)
    lines = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)
    raise typer.Exit(Exit.OK if write(file, lambda: lines, private=True) else Exit.PARTIAL)


names_app = typer.Typer(help="Team names of feeds, and the teams that they mean.", no_args_is_help=True)
Series = Annotated[str, typer.Option(help="Only in this series; without it in the whole league.")]


@names_app.command()
def unresolved(context: typer.Context, as_json: AsJson = False) -> None:
    """List the names that mean no team, the most frequent first, and why.

    Example: `rally-health names unresolved`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = [asdict(name) for name in ledger_queries.open_names(connection)]
    columns = ("league", "series", "name", "sides", "reason")
    print_rows(rows, columns, as_json=as_json, nothing="Every name means a team.")


@names_app.command()
def suggest(context: typer.Context, as_json: AsJson = False) -> None:
    """List the names that mean no team with the teams that they may mean, for you to confirm as aliases.

    Example: `rally-health names suggest`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        found = ledger_queries.open_names(connection, suggest=True)
    rows = [
        asdict(name) | {"may mean": "; ".join(f"{team} {sure:.0%}" for _, team, sure in name.suggestions)}
        for name in found
    ]
    print_rows(
        rows, ("league", "series", "name", "sides", "may mean"), as_json=as_json, nothing="Every name means a team."
    )


@names_app.command()
def alias(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    league: Annotated[str, typer.Argument(help="The league, such as APTA_CHICAGO.")],
    name: Annotated[str, typer.Argument(help="The name as the feed spells it.")],
    team: Annotated[str | None, typer.Argument(help="The team's own name.")] = None,
    series: Series = "",
    by: Annotated[str | None, typer.Option(help="Who confirms it; you, without it.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias back.")] = False,
) -> None:
    """Confirm that a name means a team. The next import of its feed, or a replay of its rejects, uses it.

    Example: `rally-health names alias APTA_CHICAGO "Birchwud - 11" "Birchwood - 11" --series "Chicago 11"`
    """
    home = leagues.canonical(league)
    if team is None and not remove:
        raise typer.BadParameter("say the team that the name means, or --remove")
    with open_engine(context.obj) as engine, engine.begin() as connection:
        if team is not None and not remove:
            ledger_queries.confirm_alias(connection, home, name, team, series=series, who=by or getpass.getuser())
            said = f"{name!r} means {team!r} in {home} from now on."
        elif ledger_queries.forget_alias(connection, home, name, series=series):
            said = f"{name!r} is no alias in {home} any more."
        else:
            raise ledger_queries.AliasError(f"{name!r} is no alias in {home}; `rally-health names aliases` lists them")
    typer.echo(f"{said}\nNext: rally-health rejects replay, or import the feed again")


@names_app.command()
def aliases(context: typer.Context, as_json: AsJson = False) -> None:
    """List the confirmed names, with who confirmed them and when.

    Example: `rally-health names aliases --json`
    """
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.aliases(connection)
    columns = ("league", "series", "name", "team_name", "confirmed_by", "confirmed_at")
    print_rows(rows, columns, as_json=as_json, nothing="No name is confirmed.")
