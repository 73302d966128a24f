"""`rally-health import` and `imports`: what comes in, and what is held.

An import shows a bar while it reads and a table when it is done.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from checks.engine.authoring.units import number_of
from etl.circuit_breaker import ImportsStopped
from etl.importing import FeedResult, ImportReport, Outcome, ledger_queries
from etl.leagues import ALL
from etl.tables.span import EVER
from flows.bridge.entry import run
from flows.cli import shared
from flows.service.context import Invocation, open_engine
from flows.service.requests import ImportRequest

if TYPE_CHECKING:
    from prefect import Flow

    from etl.feeds import Feed
    from etl.importing.held import HeldPart

log = logging.getLogger("rally.import")
AllowOption = Annotated[
    list[str] | None, typer.Option(metavar="RULE", help="Let this guard or gate rule pass once; needs --reason.")
]
ReasonOption = Annotated[str, typer.Option(help="Why --allow is right; it is recorded with your name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything but the commit.")]
CODES = {Outcome.BLOCKED: shared.Exit.REFUSED, Outcome.FAILED: shared.Exit.REFUSED}
NEXT = {
    Outcome.BLOCKED: "rally-health imports held",
    Outcome.FAILED: "what was not published can be imported again; see rally-health imports",
}
LOG_EVERY = 64 * 1024 * 1024
STYLES: Mapping[str, str] = {
    Outcome.PUBLISHED: "green",
    Outcome.UNCHANGED: "dim",
    Outcome.BLOCKED: "red",
    Outcome.FAILED: "red",
}
FIGURES = {
    "rows": "rows", "rejects": "rejects", "unlinked": "unlinked", "inserted": "new", "updated": "changed",
    "unchanged": "same", "withdrawn": "gone", "duplicates": "duplicates", "held": "held",
}  # fmt: skip
ALWAYS = frozenset({"rows", "inserted", "updated", "unchanged"})
"""Figures that are shown also where they are 0 in every feed."""


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
    if report.feeds:
        lines = [_line(feed) for feed in report.feeds]
        shared.print_rows(lines, _columns(report), json_file=None, nothing="", styles=STYLES)
    for path in report.ignored:
        console.print(f"[yellow]left out:[/] {escape(path)}")
    for feed in report.feeds:
        for line in _remarks(feed):
            console.print(f"[{STYLES[feed.outcome]}]{feed.outcome}[/] {escape(line)}", highlight=False, soft_wrap=True)
        for part in feed.parts if report.dry_run else ():
            for line in _part_lines({"kind": feed.kind, **part.to_json()}):
                console.print(escape(line), highlight=False, soft_wrap=True)
    ending, following = str(report.outcome), NEXT.get(report.outcome, "rally-health check")
    if report.dry_run:
        ending, following = "nothing was committed (dry run)", "the same without --dry-run"
    console.print(f"Import run {report.run}: {ending}. Next: {following}", soft_wrap=True)


def _line(feed: FeedResult) -> dict[str, object]:
    figures = {shown: getattr(feed.counts, name) for name, shown in FIGURES.items()}
    return {"feed": f"{feed.kind} {feed.league}", "outcome": str(feed.outcome), **figures}


def _columns(report: ImportReport) -> list[str]:
    said = (name in ALWAYS or any(getattr(feed.counts, name) for feed in report.feeds) for name in FIGURES)
    return ["feed", "outcome", *(shown for shown, any_of_it in zip(FIGURES.values(), said, strict=True) if any_of_it)]


def _remarks(feed: FeedResult) -> list[str]:
    lines = [f"{feed.path}: {reason}" for reason in feed.reasons]
    lines += [f"{feed.path}: let pass by {one['who']} ({one['why']}): {one['reason']}" for one in feed.allowed]
    lines += [f"{feed.path}: {_made(own)}" for part in feed.parts for own in part.corrections]
    if feed.outcome is not Outcome.PUBLISHED:
        return lines
    if feed.counts.rejects:
        lines.append(f"{feed.path}: {number_of(feed.counts.rejects, 'rows')} refused; see rally-health rejects list")
    if feed.counts.unlinked:
        lines.append(
            f"{feed.path}: {number_of(feed.counts.unlinked, 'sides')} without a team; see rally-health names unresolved"
        )
    lines += [f"{feed.path}: {remark}" for remark in feed.remarks]
    for how, keys in feed.drift.items():
        told = ", ".join(f"{key} ({number_of(rows, 'rows')})" for key, rows in sorted(keys.items()))
        lines += [f"{feed.path}: {how} keys: {told}"] if told else []
    mended = max((part.profile.get("mended", 0) for part in feed.parts), default=0)
    if mended:
        lines.append(f"{feed.path}: {number_of(mended, 'names')} read without HTML entities or a second encoding")
    return lines


def import_(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Feeds: files, folders, or trees of them; without any RALLY_FEEDS.")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only feeds of this kind, such as schedules; repeat for more.")
    ] = None,
    json_file: shared.JsonFile = None,
    force: Annotated[bool, typer.Option("--force", help="Import a feed that was published before, too.")] = False,
    dry_run: DryRun = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete rows that a feed has withdrawn.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another import to end.", min=0)] = 0,
    allow: AllowOption = None,
    reason: ReasonOption = "",
) -> None:
    """Import feeds; each is published whole or not at all, and none holds back another.

    Exit codes: 0 published, 2 wrong usage, 3 refused (blocked by the gate, or no readable feed), 4 database away,
    75 another import is running.

    Examples: `rally-health import feeds/2025-06-30T0809/all`, `rally-health import feeds --json report.json`,
    `rally-health import feeds --allow shrunken_feed --reason "the season ended"`
    """
    from flows.service.import_feeds import import_all  # noqa: PLC0415 - lists need neither rules nor publishers

    request = shared.requested(ImportRequest, context)
    with Progress() as progress:
        invocation = Invocation(context.obj, progress.read)
        try:
            report = run(invocation, import_all, _flow, request)
        except ImportsStopped as error:  # whoever reads the document learns it, too
            nothing = ImportReport(0, (), request.dry_run, reasons=(str(error),))
            shared.write(json_file, lambda: shared.json_text(nothing.to_json()))
            raise
    shared.say_lost(invocation)
    written = shared.write(json_file, lambda: shared.json_text(report.to_json()))
    if json_file != shared.STDOUT:
        print_report(report)
    code = CODES.get(report.outcome, shared.Exit.OK)
    raise typer.Exit(code if written or code else shared.Exit.PARTIAL)


def _flow() -> Flow[..., Any]:
    from flows.flows import import_feeds  # noqa: PLC0415 - Prefect takes two seconds to import

    return import_feeds


imports_app = typer.Typer(invoke_without_command=True)


@imports_app.callback()
def imports(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many feeds to show.")] = 20,
    since: shared.Since = None,
    until: shared.Until = None,
    json_file: shared.JsonFile = None,
) -> None:
    """Show which feeds were imported, newest first; and what is held.

    When, how each ended, what changed, and what was let pass. `imports show` takes the number of a run, `rejects list
    --feed` the id of a feed.

    Examples: `rally-health imports --limit 50`, `rally-health imports --since 7d`,
    `rally-health imports held`, `rally-health imports show 12`
    """
    if context.invoked_subcommand is not None:
        return
    span = shared.span_of(context)
    with open_engine(context.obj) as engine, engine.begin() as connection:
        rows = ledger_queries.feeds(connection, limit=limit, span=span)
    figures = ("rows", "rejects", "unlinked", "inserted", "updated", "withdrawn")
    columns = ("run", "id", "started_at", "kind", "league", "outcome", *figures, "why")
    rows = [
        {"run": row.pop("run_id"), **row, "why": ledger_queries.because(row["reasons"], row["allowed"])}
        for row in map(dict, rows)
    ]
    nothing = "Nothing was imported yet. Next: rally-health import PATH" if span == EVER else "Nothing in that time."
    shared.print_rows(rows, columns, json_file=json_file, nothing=nothing)


@imports_app.command("held")
def show_held(
    context: typer.Context,
    every: Annotated[
        bool, typer.Option("--all", help="Each in full, not only the newest of its kind and league.")
    ] = False,
    json_file: shared.JsonFile = None,
) -> None:
    """Show the parts of feeds that are held: why, since when, and what frees each.

    They are tried again by themselves with the next import after teams or aliases of their league have changed, and
    wait no more once newer data of their kind and league is published.

    Examples: `rally-health imports held`, `rally-health imports held --all`
    """
    from etl.importing.held import held_parts  # noqa: PLC0415 - the list of imports needs none of it

    with open_engine(context.obj) as engine, engine.begin() as connection:
        parts = held_parts(connection)
    if shared.shown_as_json(json_file, [part.to_json() for part in parts]):
        return
    groups: dict[tuple[str, str], list[HeldPart]] = {}
    for part in parts:
        groups.setdefault((part.kind, part.league), []).append(part)
    lines = [line for waiting in groups.values() for line in _group_lines(waiting, every=every)]
    shared.print_folded("\n".join(lines) or "Nothing is held.")


def _group_lines(waiting: Sequence[HeldPart], *, every: bool) -> Iterator[str]:
    """The held parts of one kind and league, oldest first: the newest in full, the others by their numbers."""
    *older, newest = waiting
    if every:
        yield from (line for part in older for line in _held_lines(part))
    yield from _held_lines(newest)
    if older and not every:
        yield f"  older ones that wait, too: {', '.join(str(part.id) for part in older)}"


def _held_lines(part: HeldPart) -> Iterator[str]:
    tries = "once" if part.tries == 1 else f"{part.tries} times"
    yield (
        f"{part.id}: {part.kind} of {part.league or ALL}: {number_of(part.records, 'rows')} of {part.path},"
        f" held since {part.since:%Y-%m-%d %H:%M} UTC, tried {tries}"
    )
    yield from (f"  {reason}" for reason in part.reasons)
    yield f"  freed by {'; or '.join(part.ways_out)}"
    for own in part.corrections:
        yield "  or by this correction, in rally.toml:"
        yield from ("    [[corrections]]", *(f"    {key} = {value}" for key, value in own.items()))
    names = ", ".join(repr(name["name"]) for name in part.names[:5])
    if names:
        yield f"  without a team: {names}{' ...' if len(part.names) > 5 else ''}"
    yield f"  or let it pass: {part.let_pass}"


def _options(guards: Iterable[str]) -> str:
    return " ".join(f"--allow {guard}" for guard in guards) + ' --reason "..."'


PartNumber = Annotated[int, typer.Argument(metavar="NUMBER", help="Its number, as `imports held` has it.")]


@imports_app.command("retry")
def retry_part_(
    context: typer.Context, number: PartNumber, allow: AllowOption = None, reason: ReasonOption = ""
) -> None:
    """Try one held part again from the rows that were kept of it, also when its file is gone.

    What still objects is let pass with --allow. Exit codes are those of `rally-health import`.

    Example: `rally-health imports retry 7 --allow shrunken_feed --reason "the season ended"`
    """
    from flows.service.import_feeds import retry_held  # noqa: PLC0415 - lists need neither rules nor publishers

    report = retry_held(context.obj, number, shared.requested(ImportRequest, context))
    print_report(report)
    raise typer.Exit(CODES.get(report.outcome, shared.Exit.OK))


@imports_app.command("discard")
def discard_part_(
    context: typer.Context,
    number: PartNumber,
    reason: Annotated[str, typer.Option(help="Why nobody needs it; it is recorded with your name.")],
) -> None:
    """Give one held part up: it waits no more, and the rows that were kept of it go.

    Example: `rally-health imports discard 7 --reason "scraped from the wrong page"`
    """
    from flows.service.import_feeds import discard_held  # noqa: PLC0415 - lists need neither rules nor publishers

    typer.echo(f"Discarded {discard_held(context.obj, number, reason)}.")


@imports_app.command("show")
def show_run(
    context: typer.Context, run: Annotated[int, typer.Argument(help="Its number.")], json_file: shared.JsonFile = None
) -> None:
    """Show what became of each part of an import run: what would change, why it is held, what would have to be allowed.

    Example: `rally-health imports show 12 --json`
    """
    from etl.importing.held import parts_of_run  # noqa: PLC0415 - the list of imports needs none of it

    with open_engine(context.obj) as engine, engine.begin() as connection:
        parts = parts_of_run(connection, run)
    if shared.shown_as_json(json_file, parts):
        return
    if not parts:
        typer.echo(f"Import run {run} has no parts: nothing was read, or everything was published before.")
        return
    shared.print_folded("\n".join(line for part in parts for line in _part_lines(part)))
    typer.echo("".join(_how_to_let_pass(parts)), nl=False)


def _how_to_let_pass(parts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    from etl.importing.guards import NEVER_ALLOWED  # noqa: PLC0415 - the list of imports needs none of it

    guards = sorted({reason.partition(":")[0] for part in parts for reason in part["reasons"]} - {NEVER_ALLOWED})
    paths = dict.fromkeys(shlex.quote(part["path"]) for part in parts if part["reasons"])
    if guards:
        yield f"To let all of it pass: rally-health import {' '.join(paths)} {_options(guards)}\n"
        yield "To let one part pass: rally-health imports held\n"


def _part_lines(part: Mapping[str, Any]) -> Iterator[str]:
    from etl.importing.profile import in_words  # noqa: PLC0415 - the list of imports needs none of it

    counts, *changes = in_words(part["profile"])
    yield f"{part['kind']} of {part['league'] or ALL}: {part['outcome']}; {counts}"
    yield from (f"  {change}" for change in changes)
    yield from (f"  {reason}" for reason in part["reasons"])
    yield from (f"  {_made(own)}" for own in part["corrections"])
    yield from (f"  let pass by {one['who']} ({one['why']}): {one['reason']}" for one in part["allowed"])


def _made(made: Mapping[str, Any]) -> str:
    rows = f" in {number_of(made['rows'], 'rows')}" if "rows" in made else ""
    value = made["value"]
    words = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"corrected: {made['correction']} = {words}{rows}, by {made['by']} ({made['why']})"
