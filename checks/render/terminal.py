"""A report on a terminal: worst first, one line for each rule; plain text where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from checks.engine.levels import Status
from checks.engine.report import Report
from checks.engine.results import Result
from checks.engine.score import Band
from checks.render.words import clean, example, fingerprints, headline, headlines, lines_of, remarks, tally, verdict

STYLES = {
    Status.CRITICAL: "bold red",
    Status.ERROR: "magenta",
    Status.WARN: "yellow",
    Status.SKIPPED: "dim",
    Status.OK: "green",
}
BANDS = {Band.HEALTHY: "green", Band.WATCH: "yellow", Band.CRITICAL: "red", Band.UNKNOWN: "magenta"}
COLUMNS = ("status", "rule", "found", "points")
NARROWEST = 32
"""Room that the last column and the gaps need; a narrower terminal gets lines."""


def print_report(report: Report, console: Console, *, detailed: bool = False, brief: bool = False) -> None:
    """Print a report. Skipped rules are only counted unless `detailed`, which adds examples, clusters and SQL.

    With `brief` rules that are OK are only counted too.
    """
    style = BANDS[report.band]
    console.print(f"[bold {style}]{escape(headline(report))}[/]", highlight=False, soft_wrap=True)
    for line in [*headlines(report), tally(report)]:
        console.print(escape(line), highlight=False, soft_wrap=True)
    hidden = set() if detailed else {Status.SKIPPED, Status.OK} if brief else {Status.SKIPPED}
    shown = [result for result in report.results if result.status not in hidden]
    wide = console.is_terminal and console.width >= sum(_widths(shown)) + NARROWEST
    (_print_table if wide else _print_lines)(shown, console)
    if detailed:
        for result in shown:
            _print_details(result, console)
    for line in [*_skipped(report, detailed=detailed), *remarks(report)]:
        console.print(f"[yellow]{escape(line)}[/]", highlight=False, soft_wrap=True)


def _print_table(results: list[Result], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    # without a least width rich takes the room for the last column from all of them
    for name, width in zip(COLUMNS, _widths(results), strict=False):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name == "points" else "left")
    table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    for result in results:
        style = "dim" if result.accepted else STYLES[result.status]
        table.add_row(f"[{style}]{result.status}[/]", *map(escape, _cells(result)))
    console.print(table)


def _widths(results: list[Result]) -> tuple[int, ...]:
    """What the columns before the last one need."""
    rows = [(result.status.value, *_cells(result)) for result in results]
    return tuple(max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(COLUMNS) if rows)


def _print_lines(results: list[Result], console: Console) -> None:
    for result in results:
        cells = [result.status.value.ljust(8), *filter(None, _cells(result))]
        console.print("  ".join(cells), markup=False, highlight=False, soft_wrap=True)


def _cells(result: Result) -> tuple[str, str, str, str]:
    points = f"-{result.points}" if result.points else ""
    accepted = "accepted: " if result.accepted else ""
    told = verdict(result) if result.status is Status.ERROR else clean(result.summary)
    where = f" ({result.clusters[0]})" if result.clusters else ""
    found = " ".join(filter(None, [result.measurement, f"[{result.change}]" if _changed(result) else ""]))
    return clean(result.title), found, points, accepted + told + clean(where)


def _changed(result: Result) -> bool:
    return bool(result.new or result.fixed)


def _print_details(result: Result, console: Console) -> None:
    if result.status is Status.OK and not result.examples:
        return
    console.print(f"\n[bold]{escape(clean(result.title))}[/] [{STYLES[result.status]}]{result.status}[/]")
    for line in _details(result):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _details(result: Result) -> Iterator[str]:
    yield clean(result.summary)
    yield verdict(result)
    yield from (f"{name}: {clean(value)}" for name, value in _facts(result) if value)
    yield from (f"cluster: {clean(str(cluster))}{_lift(cluster.lift)}" for cluster in result.clusters)
    marks = fingerprints(result)
    for key in result.examples:
        yield f"example: {example(key)}  key {marks.get(example(key), '')}".removesuffix("  key ")
    yield from lines_of(result.sql)


def _facts(result: Result) -> list[tuple[str, str]]:
    return [
        ("changed", result.change),
        ("owner", result.owner),
        ("runbook", result.runbook),
        ("waived rows", str(result.waived or "")),
        ("note", result.note if result.status is not Status.SKIPPED else ""),
    ]


def _lift(lift: float | None) -> str:
    return "" if lift is None else f", {lift:g} times as dense as on the whole"


def _skipped(report: Report, *, detailed: bool) -> list[str]:
    count = len(report.by_status(Status.SKIPPED))
    return [f"{count} skipped, nothing to measure; --detailed names them"] if count and not detailed else []
