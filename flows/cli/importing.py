"""How an import looks on a terminal: a bar while it reads, a table when it is done."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from etl.feeds import Feed
from etl.importing.results import FeedResult, ImportReport, Outcome
from flows.cli.exits import Exit

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
