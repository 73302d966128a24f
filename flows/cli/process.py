"""The process of a command: it ends at its deadline whatever it waits for, and survives a reader that has left.

What it prints is text and nothing else: names come from feeds, and a mark that turns the order of letters round would
let a person confirm another name than the one that he reads.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from math import isinf
from typing import Any, TextIO

ENDLESS = frozenset({"serve", "mcp"})
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
        sys.stdout = _clean(sys.stdout)
        sys.stderr = _clean(sys.stderr)


def _clean(stream: TextIO) -> CleanText:
    stream.flush()
    raw = io.BufferedWriter(PipeProof(stream.fileno(), "w", closefd=False))
    lines = stream.isatty() or stream is sys.stderr
    return CleanText(raw, encoding=stream.encoding, errors="backslashreplace", line_buffering=lines)


BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNSAFE = re.compile(f"[{BIDI}\\x00-\\x08\\x0b\\x0c\\x0e-\\x1a\\x1c-\\x1f\\x7f-\\x9f]")
ESCAPE = "\x1b"
JSON = ("{", "[")


class CleanText(io.TextIOWrapper):
    """A stream of text without control characters and without marks that change the order of letters.

    In a JSON document they are escaped, so that it says what it said; elsewhere U+FFFD stands for them. Escape
    sequences, which colours are made of, are for terminals alone.
    """

    _json: bool | None = None

    def write(self, text: str) -> int:
        """Write a text."""
        if self._json is None and text.strip():
            self._json = text.lstrip().startswith(JSON)
        clean = UNSAFE.sub(self._instead, text)
        super().write(clean if self.isatty() else clean.replace(ESCAPE, "\N{REPLACEMENT CHARACTER}"))
        return len(text)

    def _instead(self, found: re.Match[str]) -> str:
        return f"\\u{ord(found[0]):04x}" if self._json else "\N{REPLACEMENT CHARACTER}"


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

    Where the process is not the command's own, as in somebody's program, only statements end.
    """
    if isinf(seconds) or not _own.get():
        return
    message = f"{command} took longer than {seconds:g} s; give it more time by RALLY_DEADLINE"

    def end() -> None:
        sys.stderr.write(f"error: {message}\n")
        os._exit(INFRASTRUCTURE)

    _arm(seconds, lambda *_: _interrupt(message), end)


def _interrupt(told: str) -> None:
    from etl import OutOfTime  # noqa: PLC0415 - seldom needed

    raise OutOfTime(told)


def disarm() -> None:
    """Forget the deadline: a signal that comes while Python is ending would take the exit code with it."""
    if _own.get():
        signal.setitimer(signal.ITIMER_REAL, 0)


def _arm(seconds: float, interrupt: Callable[..., None], end: Callable[[], None]) -> None:
    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, min(seconds + LATE, threading.TIMEOUT_MAX))
    last = threading.Timer(min(seconds + TOO_LATE, threading.TIMEOUT_MAX), end)
    last.daemon = True
    last.start()
