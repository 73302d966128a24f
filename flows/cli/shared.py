"""What commands share: the exit codes, options, requests made of options, and how lists, files and questions look."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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


_lost: ContextVar[bool] = ContextVar("lost", default=False)


def say_lost(invocation: Invocation) -> None:
    """Say on standard error that Prefect was lost; the data work and the exit code are not touched by that."""
    if invocation.outcome.lost:
        from flows.service.context import silent_prefect  # noqa: PLC0415 - of a command that ran already

        _lost.set(True)
        line = f"note: {silent_prefect(invocation.outcome.lost)}; the work is done, its UI may not show it"
        typer.secho(line, fg=typer.colors.YELLOW, err=True)


def leave(end: SystemExit) -> None:
    """End the process at once where Prefect was lost on the way: at exit it would wait for the API once more."""
    if _lost.get() and "prefect" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


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


WIDE = 240
JsonFile: TypeAlias = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write JSON to FILE; - for standard output.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, nothing: str) -> None:
    """Print some columns of rows as a table, or all of them as a JSON array; `nothing` where there are none."""
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(nothing)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_said(row[column])) for column in columns))
    # what is piped on is not wrapped at the width of a terminal that nobody looks at
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    console.print(table)


def print_json(document: Any) -> None:
    """Print a document in the one form that all commands share: see `checks.documents.plain_value`."""
    from checks.documents import plain_value  # noqa: PLC0415 - most commands print a table

    typer.echo(json.dumps(plain_value(document), indent=2, ensure_ascii=False))


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
Owners: TypeAlias = Annotated[list[str] | None, typer.Option("--owner", help="Only rules of this owner.")]
Leagues: TypeAlias = Annotated[
    list[str] | None, typer.Option("--league", help="Only rows of this league, such as CNSWPL; repeat for more.")
]


def one_rule(settings: Settings, name: str) -> Check:
    """The rule of that very name; SelectionError, which names what is near, for none."""
    from checks.engine.authoring import SelectionError  # noqa: PLC0415 - few commands are about a rule
    from checks.engine.collecting.rules import Selection  # noqa: PLC0415
    from flows.service.health_check import rules_of  # noqa: PLC0415

    rules = rules_of(settings)
    if name not in rules:
        Selection(names=(name,)).apply(rules)
        raise SelectionError(f"{name!r} is a pattern; expected the name of one rule")
    return rules[name]


def day(text: str | None) -> date | None:
    """A day as typed; None, for today, without one."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no day; expected YYYY-MM-DD") from None
