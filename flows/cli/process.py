"""The process of a command: it ends at its deadline whatever it waits for, and survives a reader that has left."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from math import isinf
from typing import Any

ENDLESS = frozenset({"serve"})
"""Commands that run until somebody stops them."""
LATE = 1.0
"""Seconds after the deadline by which every connection has noticed it; then Python is interrupted."""
TOO_LATE = 4.0
"""Seconds after the deadline at which the process ends whatever it does."""
INFRASTRUCTURE = 4

_own: ContextVar[bool] = ContextVar("own", default=False)


def own_process() -> None:
    """Take this process for a command's own: its signals, and its standard output."""
    _own.set(True)
    with suppress(OSError, ValueError, AttributeError):  # no standard output at all
        before = sys.stdout
        proof = io.BufferedWriter(PipeProof(before.fileno(), "w", closefd=False))
        encoding, lines = before.encoding, before.isatty()
        sys.stdout = io.TextIOWrapper(proof, encoding=encoding, errors="backslashreplace", line_buffering=lines)


class PipeProof(io.FileIO):
    """Standard output that goes on when its reader has left, as `head -1` does: the exit code stays the command's."""

    gone = False

    def write(self, data: Any) -> int:
        """Write, or drop what nobody reads."""
        try:
            return len(data) if self.gone else super().write(data) or 0
        except BrokenPipeError:
            self.gone = True
            return len(data)


def keep_deadline(command: str, seconds: float) -> None:
    """Let a command end at its deadline: statements by their own limits, Python by a signal, what hangs in C for good.

    Where the process is not the command's own, as in a test or in somebody's program, only statements end.
    """
    if isinf(seconds) or not _own.get():
        return
    told = f"{command} took longer than {seconds:g} s; give it more time by RALLY_DEADLINE"

    def interrupt(*_: object) -> None:
        from etl import OutOfTime  # noqa: PLC0415 - seldom needed

        raise OutOfTime(told)

    def end() -> None:
        sys.stderr.write(f"error: {told}\n")
        os._exit(INFRASTRUCTURE)

    _arm(seconds, interrupt, end)


def _arm(seconds: float, interrupt: Callable[..., None], end: Callable[[], None]) -> None:
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, min(seconds + LATE, threading.TIMEOUT_MAX))
    last = threading.Timer(min(seconds + TOO_LATE, threading.TIMEOUT_MAX), end)
    last.daemon = True
    last.start()
