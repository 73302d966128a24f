"""Lists on a terminal, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE = 240
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, nothing: str) -> None:
    """Print some columns of rows as a table, or all of them as a JSON array; `nothing` where there are none."""
    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], indent=2, default=str, ensure_ascii=False))
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


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:,}" if isinstance(value, int) else str(value)
