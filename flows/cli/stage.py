"""What a command says of a Prefect that was away, and how it leaves then."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar

import typer

from flows.context import Surroundings

_lost: ContextVar[bool] = ContextVar("lost", default=False)


def say_lost(around: Surroundings) -> None:
    """Say on standard error that Prefect was lost; the data work and the exit code are not touched by that."""
    if around.kept.lost:
        _lost.set(True)
        line = f"note: Prefect does not answer ({around.kept.lost}); the work is done, its UI may not show it"
        typer.secho(line, fg=typer.colors.YELLOW, err=True)


def leave(end: SystemExit) -> None:
    """End the process at once where Prefect was lost on the way: at exit it would wait for the API once more."""
    if _lost.get() and "prefect" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
