"""Asking before something is changed: on a terminal only, and never twice."""

from __future__ import annotations

import sys
from typing import Annotated, TypeAlias

import typer

Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also on a terminal.")]


def sure(question: str, *, yes: bool) -> None:
    """Ask on a terminal unless told not to; a no ends the command."""
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True)
