"""What commands share: the exit codes, options, requests made of options, and how lists, files and questions look."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from etl.tables.span import TimeSpan
from flows.cli.process import hurry
from flows.settings import Settings, SettingsError

if TYPE_CHECKING:
    from checks.engine.authoring.spec import Check
    from flows.service.context import Invocation


class Exit(IntEnum):
    """What a command's end tells its caller."""

    OK = 0
    CHECKS_FAILED = 1
    USAGE = 2
    REFUSED = 3
    INFRASTRUCTURE = 4
    PARTIAL = 5
    BUSY = 75


def say_lost(invocation: Invocation) -> None:
    """Say on standard error that Prefect was lost; the data work and the exit code are not touched by that."""
    if invocation.outcome.lost:
        from flows.service.context import silent_prefect  # noqa: PLC0415 - of a command that ran already

        hurry()
        line = f"note: {silent_prefect(invocation.outcome.lost)}; the work is done, its UI may not show it"
        typer.secho(line, fg=typer.colors.YELLOW, err=True)


Q = TypeVar("Q", bound=BaseModel)


def requested(model: type[Q], context: typer.Context, **changes: object) -> Q:
    """The request that a command's options make: those that are called as its fields, and `changes` before them.

    Raises RequestError for a value that the request does not take.
    """
    given = {**context.params, **changes}
    try:
        return model(**{name: given[name] for name in model.model_fields if given.get(name) is not None})
    except ValidationError as error:
        from flows.service.requests import RequestError  # noqa: PLC0415 - who makes no request needs none

        options = {param.name or "": param.opts[0] for param in context.command.params}
        raise RequestError.of(error, options) from None


STDOUT = Path("-")
JsonFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--json", metavar="[FILE]", help="Write JSON to FILE, or in place of text to standard output."),
]
"""`--json` alone and `--json -` are standard output: see `flows.cli.main.completed`."""


def shown_as_json(file: Path | None, document: Any) -> bool:
    """Write a document where `--json` says; True where that is standard output, which then gets nothing else.

    A file that cannot be written ends the command with exit code 5.
    """
    if not write(file, lambda: json_text(document)):
        raise typer.Exit(Exit.PARTIAL)
    return file == STDOUT


def json_text(document: Any) -> str:
    """A document in the one form that all commands share: see `checks.documents.plain_value`."""
    from checks.documents import plain_value  # noqa: PLC0415 - most commands print a table

    return json.dumps(plain_value(document), indent=2, ensure_ascii=False) + "\n"


def one_document(*files: Path | None, more: bool = False) -> bool:
    """Whether standard output gets a document; two of them on one stream are refused, for nobody could part them."""
    number = files.count(STDOUT) + more
    if number > 1:
        raise typer.BadParameter("two documents on standard output: give all but one of them a file")
    return number > 0


WIDE = 240
GAP, INDENT = 2, "   "
LONGEST_NAME = 40
NARROWEST_TEXT = 24
"""The room that a column of sentences needs to be read."""


def print_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, json_file: Path | None, nothing: str,
    styles: Mapping[str, str] = {},
) -> None:  # fmt: skip
    """Print some columns of rows, and all of them as a JSON array where that is asked for; `nothing` without rows.

    `styles` are colours of words. What is piped on is not wrapped at the width of a terminal that nobody looks at.
    """
    if shown_as_json(json_file, rows):
        return
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    if not rows:
        typer.echo(nothing)
        return
    cells = [[_said(row[column]) for column in columns] for row in rows]
    if sum(map(_room, zip(columns, *cells, strict=True))) + GAP * (len(columns) - 1) <= console.width:
        console.print(_table(columns, cells, styles))
        return
    for row in cells:
        console.print(_block(columns, row, styles, console.width), highlight=False)


MOST_OF_RULE = 10
"""Lines of one rule, such as those of two hundred leagues, before the rest is counted: they would hide all others."""
Each = Annotated[bool, typer.Option("--each", help=f"Each line of a rule, not only its first {MOST_OF_RULE}.")]


def print_by_rule(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, each: bool, by: Sequence[str], nothing: str
) -> None:
    """Print rows; of those that are alike in the columns `by` only the first ten, then how many more there are."""
    counted: Counter[str] = Counter()
    leading = [row for row in rows if each or _is_leading(row, by, counted)]
    print_rows(leading, columns, json_file=None, nothing=nothing)
    for words, number in counted.items():
        if number > MOST_OF_RULE:
            typer.echo(f"and {number - MOST_OF_RULE:,} more of {words}: --each lists them")


def _is_leading(row: Mapping[str, Any], by: Sequence[str], counted: Counter[str]) -> bool:
    words = ", ".join(str(row[name]) for name in by)
    counted[words] += 1
    return counted[words] <= MOST_OF_RULE


def print_folded(text: str) -> None:
    """Print lines; a terminal that is narrower gets them folded between words, indented below their beginning."""
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    width = Console().width
    for line in text.splitlines():
        deep = " " * (len(line) - len(line.lstrip()) + len(INDENT))
        typer.echo(fill(line, width, subsequent_indent=deep, break_long_words=False, break_on_hyphens=False))


def _room(cells: Sequence[str]) -> int:
    """The least width of a column: sentences fold, and so do paths; names do not."""
    word = max(len(word) for cell in cells for word in cell.split() or [""])
    return max(min(max(map(len, cells)), NARROWEST_TEXT), word if word <= LONGEST_NAME else 0)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str]) -> Table:
    """A table whose long columns fold, and whose short ones do not."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        numbers = all(cell.replace(",", "").isdigit() for cell in cells if cell)
        room, longest = _room([column, *cells]), max(map(len, [column, *cells]))
        side: JustifyMethod = "right" if numbers and any(cells) else "left"
        table.add_column(column, overflow="fold", no_wrap=longest <= room, min_width=room, justify=side)
    for row in rows:
        table.add_row(*(_coloured(cell, styles) for cell in row))
    return table


def _block(columns: Sequence[str], row: Sequence[str], styles: Mapping[str, str], width: int) -> str:
    """A row on lines of its own, each cell behind its name, where a table would have to be cut."""
    lines = [""]
    for column, cell in zip(columns, row, strict=True):
        if not cell:
            continue
        part = f"[bold]{escape(column)}[/] {_coloured(cell, styles)}"
        taken = len(Text.from_markup(lines[-1])) + len(column) + 1 + len(cell) + GAP
        if lines[-1].strip() and taken > width:
            lines.append(INDENT)
        lines[-1] += f"{' ' * GAP if lines[-1].strip() else ''}{part}"
    return "\n".join(lines)


def _coloured(cell: str, styles: Mapping[str, str]) -> str:
    return f"[{styles[cell]}]{escape(cell)}[/]" if cell in styles else escape(cell)


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write(file: Path | None, render: Callable[[], str], *, private: bool = False) -> bool:
    """Write to a file, `-` being standard output; False, and a line on standard error, when that fails.

    With None nothing is written, and nothing is rendered. A `private` file is for its owner's eyes alone.
    """
    if file is None:
        return True
    text = render()
    if file == Path("-"):
        typer.echo(text, nl=False)
        return True
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "w", encoding="utf-8", opener=owners_alone if private else None) as out:
            out.write(text)
    except OSError as error:
        typer.secho(f"error: {file} cannot be written: {error.strerror}", fg=typer.colors.RED, err=True)
        return False
    return True


def owners_alone(path: str, flags: int) -> int:
    """Open a file that nobody but its owner can read, also where it was there before."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also on a terminal.")]


def sure(question: str, *, yes: bool) -> None:
    """Ask on a terminal unless `--yes` was given; a no ends the command."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)


Domains: TypeAlias = Annotated[list[str] | None, typer.Option("--domain", help="Only this domain; repeat for more.")]
Tags: TypeAlias = Annotated[list[str] | None, typer.Option("--tag", help="Only rules with this tag; repeat for more.")]
Severities: TypeAlias = Annotated[
    list[str] | None, typer.Option("--severity", help="Only LOW, MEDIUM or HIGH; repeat for more.")
]
Names: TypeAlias = Annotated[
    list[str] | None, typer.Option("--name", metavar="GLOB", help="Only rules of this name, * and ? allowed.")
]
Words: TypeAlias = Annotated[
    str,
    typer.Option("-k", metavar="WORDS", help="Rules by parts of their names, domains, tags and owners: 'a and not b'."),
]
Marked: TypeAlias = Annotated[str, typer.Option("-m", metavar="TAGS", help="Rules by tags: 'daily and not gate'.")]
Owners: TypeAlias = Annotated[list[str] | None, typer.Option("--owner", help="Only rules of this owner.")]
Leagues: TypeAlias = Annotated[
    list[str] | None, typer.Option("--league", help="Only rows of this league, such as CNSWPL; repeat for more.")
]


def one_rule(settings: Settings, name: str) -> Check:
    """The rule of that very name; SelectionError, which names what is near, for none."""
    from checks.engine.authoring import SelectionError  # noqa: PLC0415 - few commands are about a rule
    from checks.engine.collecting.rules import Selection  # noqa: PLC0415
    from flows.service.catalogue import rules_of  # noqa: PLC0415

    rules = rules_of(settings)
    if name not in rules:
        Selection(names=(name,)).apply(rules)
        raise SelectionError(f"{name!r} is a pattern; expected the name of one rule")
    return rules[name]


def span_of(context: typer.Context) -> TimeSpan:
    """What `--since` and `--until` say; a day counts as a whole, on the clock of the leagues.

    Raises SettingsError for what is no time.
    """
    since, until = context.params["since"], context.params["until"]
    now = datetime.now(context.obj.zone)
    span = TimeSpan(_moment("--since", since, now, time.min), _moment("--until", until, now, time.max))
    if span.since and span.until and span.since > span.until:
        raise SettingsError(f"--since {since} is later than --until {until}")
    return span


def one_moment(option: str, text: str | None, settings: Settings) -> datetime | None:
    """When, as typed behind an option: a day counts from its beginning; None without one."""
    return _moment(option, text, datetime.now(settings.zone), time.min)


UNITS_OF_AGE = {"h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,4})([hdw])")


def _moment(option: str, text: str | None, now: datetime, of_day: time) -> datetime | None:
    if text is None:
        return None
    if ago := AGO.fullmatch(text.strip()):
        return now - timedelta(**{UNITS_OF_AGE[ago[2]]: int(ago[1])})
    try:
        if WHOLE_DAY.fullmatch(text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), of_day, now.tzinfo)
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise SettingsError(
            f"{option} {text!r} is no time; expected a day such as 2025-06-30, a moment such as 2025-06-30T18:00, or an"
            " age such as 7d, 12h or 2w"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


WHOLE_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Since: TypeAlias = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Not before this: a day, a moment, or an age such as 7d.")
]
Until: TypeAlias = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Not after this; a day counts as a whole.")
]


def day(text: str | None) -> date | None:
    """A day as typed; None, for today, without one."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no day; expected YYYY-MM-DD") from None
