"""A report on a terminal, worst first, one line for each rule, and the sentences that every other form shares with it.

Data is foreign: nothing in it may steer a terminal or a page, so every text passes `clean`. Where there is no terminal
the output is plain and the progress bar is silent.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from checks.engine.authoring.units import Status, number_of, points_text, whole_percent
from checks.engine.judging.findings import key_text_of
from checks.engine.reporting.report import Report, Result
from checks.render.by_rule import by_rule, worst_members

if TYPE_CHECKING:
    from checks.engine.run import Progress

# Cc: control characters and escapes; Cf: invisible ones such as right-to-left overrides; Cs: lone surrogates
MOST_PARTS = 10
UNSAFE = {"Cc", "Cf", "Cs"}


NONE = "\ufffe\uffff"
"""No characters at all: a document in XML that holds one cannot be read."""


def clean(text: str) -> str:
    """Text without characters that are no text, each shown as U+FFFD."""
    if text.isprintable():  # nearly always
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in UNSAFE or c in NONE else c for c in text)


def lines_of(text: str) -> list[str]:
    """The lines of a longer text such as SQL, each clean."""
    return [clean(line) for line in text.splitlines()]


def example(key: Mapping[str, Any]) -> str:
    """A key on one line: `match_date=2025-01-07 home_team="Skokie - 20"`."""
    return clean(" ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in key.items()))


def fingerprints(result: Result) -> dict[str, str]:
    """The fingerprint of each example, by its text: what `rally-health waive --key` takes."""
    listed = result.findings.listed if result.findings is not None else ()
    return {example(finding.key): key_text_of(finding.fingerprint) for finding in listed}


def headline(report: Report) -> str:
    """The score in one line."""
    verdict = report.verdict
    if report.score is None:
        return f"Score unknown: {clean(verdict.reason)}"
    gross = "" if report.gross_score == report.score else f" (gross {report.gross_score})"
    # the score alone says why, unless the band is another than it alone would give
    why = "" if report.net.band is verdict.band else f", because {clean(verdict.reason)}"
    return f"Score {report.score} of 100{gross}: {verdict.band}{why}"


def headlines(report: Report) -> list[str]:
    """What stands under the score: the change since the run before, the figures to steer by, the scores of parts."""
    news = report.news.line() if report.news else ""
    lines = [clean(news)] if news else []
    lines += [f"Since the last run: {clean(report.difference)}"] if report.difference else []
    lines += [clean(str(figure)) for figure in report.figures]
    for dimension, parts in sorted(report.parts.items()):
        told = sorted(parts.items(), key=lambda item: (item[1] is None, item[1], item[0]))
        said = [f"{clean(label)} {'unknown' if value is None else value}" for label, value in told[:MOST_PARTS]]
        more = [f"{len(told) - MOST_PARTS} more"] if len(told) > MOST_PARTS else []
        lines.append(f"By {dimension}: {', '.join([*said, *more])}")
    return lines


def tally(report: Report) -> str:
    """How many rules stand how, and how much of the query was answered."""
    said = _statuses(report.results) or "no rules"
    seconds = (report.finished - report.started).total_seconds()
    number = number_of(len(report.results), "results")
    rules = len({result.rule for result in report.results})
    number += f" of {number_of(rules, 'rules')}" if rules < len(report.results) else ""
    return f"{number}: {said}; coverage {whole_percent(report.coverage)}%; {seconds:.1f} s"


def verdict(result: Result) -> str:
    """Why a result has its status, in one sentence."""
    if result.emptied:
        return clean(result.error)
    if result.status is Status.ERROR:
        return f"could not be measured: {clean(result.error)}"
    if result.status is Status.SKIPPED:
        return clean(result.note) or "nothing to measure"
    return f"{result.measurement}; {result.threshold}"


def remarks(report: Report) -> list[str]:
    """What a reader should know besides the results."""
    lines = [f"waiver is over: {clean(str(waiver))}" for waiver in report.expired]
    lasting = [result.rule for result in report.trouble if result.emptied or result.relative]
    if lasting:
        more = f" ({len(set(lasting)) - 1} more)" if len(set(lasting)) > 1 else ""
        lines.append(f"if that is how it is from now on: rally-health accept {lasting[0]} --reason ...{more}")
    if report.another_day:
        lines.append(f"the rules were compared with {report.today}: no later run is compared with this one")
    if report.carried:
        measured = sum(result.status.measured and result.carried is None for result in report.results)
        lines.append(
            f"{number_of(report.carried, 'results')} carried over: nothing that was read has changed since; "
            f"{number_of(measured, 'results')} measured by this run"
        )
    lines += [f"waiver is needed no more: {clean(str(waiver))}" for waiver in report.unused]
    lines += [clean(complaint) for complaint in report.complaints]
    if report.snapshots > 1:
        lines.append(f"the database was lost during the run: the results belong to {report.snapshots} moments")
    if report.role is None and report.role_wanted is not None:
        lines.append(f"the role {report.role_wanted!r} cannot be taken on: the run was read-only by transaction alone")
    return lines


STYLES = {
    Status.CRITICAL: "bold red",
    Status.ERROR: "magenta",
    Status.WARN: "yellow",
    Status.SKIPPED: "dim",
    Status.OK: "green",
}
TABLE_COLUMNS = ("status", "rule", "found", "points")
NARROWEST = 32
"""Room that the last column and the gaps need; a narrower terminal gets lines."""


def print_report(report: Report, console: Console, *, detailed: bool = False, brief: bool = False) -> None:
    """Print a report, a line for each rule. Skipped rules are only counted unless `detailed`, which has a line for each
    parameter and adds examples, clusters and SQL.

    With `brief` rules that are OK are only counted too.
    """
    style = report.verdict.color
    console.print(f"[bold {style}]{escape(headline(report))}[/]", highlight=False, soft_wrap=True)
    for line in [*headlines(report), tally(report)]:
        console.print(escape(line), highlight=False, soft_wrap=True)
    hidden = set() if detailed else {Status.SKIPPED, Status.OK} if brief else {Status.SKIPPED}
    results = report.results if detailed else by_rule(report.results)
    shown = [result for result in results if result.status not in hidden]
    wide = console.is_terminal and console.width >= sum(_widths(shown)) + NARROWEST
    (_print_table if wide else _print_lines)(shown, console)
    for result in shown:
        if detailed:
            _print_details(result, console)
        elif wide and result.status is Status.ERROR:  # a table cuts off which line of which file
            console.print(f"{clean(result.title)}: {verdict(result)}", markup=False, highlight=False, soft_wrap=True)
    for line in [*_members(shown), *_skipped(report, detailed=detailed), *remarks(report)]:
        console.print(f"[yellow]{escape(line)}[/]", highlight=False, soft_wrap=True)


def _statuses(results: Iterable[Result]) -> str:
    counted = Counter(result.status for result in results)
    return ", ".join(f"{counted[status]:,} {status}" for status in sorted(counted, key=lambda status: -status.rank))


def _print_table(results: list[Result], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    # without a least width rich takes the room for the last column from all of them
    for name, width in zip(TABLE_COLUMNS, _widths(results), strict=False):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name == "points" else "left")
    table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    for result in results:
        style = "dim" if result.accepted else STYLES[result.status]
        table.add_row(f"[{style}]{result.status}[/]", *map(escape, _cells(result)))
    console.print(table)


def _widths(results: list[Result]) -> tuple[int, ...]:
    """What the columns before the last one need."""
    rows = [(result.status.value, *_cells(result)) for result in results]
    return tuple(max(len(name), *(len(row[place]) for row in rows)) for place, name in enumerate(TABLE_COLUMNS) if rows)


def _print_lines(results: list[Result], console: Console) -> None:
    for result in results:
        cells = [result.status.value.ljust(8), *filter(None, _cells(result))]
        console.print("  ".join(cells), markup=False, highlight=False, soft_wrap=True)


def _cells(result: Result) -> tuple[str, str, str, str]:
    points = points_text(result.points)
    accepted = "accepted: " if result.accepted else ""
    text = verdict(result) if result.status is Status.ERROR else clean(result.summary)
    where = f" ({result.clusters[0]})" if result.clusters else ""
    found = " ".join(filter(None, [result.measurement, f"[{result.change}]" if _changed(result) else ""]))
    return clean(result.title), found, points, accepted + text + clean(where)


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
        ("changed by", "; ".join(result.changed)),
        ("runbook", result.runbook),
        ("waived rows", str(result.waived or "")),
        ("note", result.note if result.status is not Status.SKIPPED else ""),
    ]


def _lift(lift: float | None) -> str:
    return "" if lift is None else f", {lift:g} times as dense as on the whole"


def _members(shown: Sequence[Result]) -> Iterator[str]:
    """Which leagues, or whatever else it was asked for, the line of a rule is about."""
    concerned = [result for result in shown if result.members and result.trouble]
    yield from (f"{result.rule}: {clean(worst_members(result))}" for result in concerned)
    if concerned:
        yield f"all of them: rally-health check --name {concerned[0].rule} --detailed"


def _skipped(report: Report, *, detailed: bool) -> list[str]:
    count = sum(result.status is Status.SKIPPED for result in by_rule(report.results))
    return [f"{count} skipped, nothing to measure; --detailed names them"] if count and not detailed else []


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A bar while the block runs, gone at its end; what to hand to a run as `progress`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rules", total=None)

        def tell(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=escape(progress.what))

        yield tell
