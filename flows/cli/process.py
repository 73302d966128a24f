"""The process of a command: it ends at its deadline whatever it waits for, survives a reader that has left, and puts
away what it has started, an embedded PostgreSQL say, also when a supervisor or a closed terminal ends it.

Where a person's own Python is loaded, such as files of RALLY_RULES, the work is done by a child: `os._exit(0)` in a
rule would look like a good end. The child says that it ends, and how; without a word the work is not done.

What it prints is text and nothing else: names come from feeds, and a mark that turns the order of letters round would
let a person confirm another name than the one that he reads.
"""

from __future__ import annotations

import atexit
import io
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isinf
from mmap import mmap
from os import environ  # for what a terminal says of itself, which libraries read there; settings are elsewhere
from typing import Any, NoReturn, TextIO

from etl import Terminated

ENDLESS = frozenset({"serve", "mcp"})
"""Commands that run until somebody stops them."""
LATE = 1.0
"""Seconds after the deadline by which every connection has noticed it; then Python is interrupted."""
TOO_LATE = 4.0
"""Seconds after the deadline at which the process ends whatever it does."""
PARENT_TOO_LATE = 6.0
"""Seconds after the deadline at which a watched process is killed that did not even end by itself."""
INFRASTRUCTURE, PARTIAL = 4, 5
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals by which supervisors and terminals end a command."""

_own: ContextVar[int] = ContextVar("own", default=0)
"""The process id of the command that works in this process; 0 in somebody's program."""


def own_process() -> None:
    """Take this process for a command's own: its signals, its standard output, and the size of its terminal."""
    _own.set(os.getpid())
    _unwind_at_signals()
    for name, sizes in SIZES.items():
        if name in environ and _number(environ[name]) not in sizes:
            del environ[name]
    with suppress(OSError, ValueError, AttributeError):  # no standard output at all
        sys.stdout = _clean(sys.stdout)
        sys.stderr = _clean(sys.stderr)


SIZES = {"COLUMNS": range(20, 1001), "LINES": range(5, 1001)}
"""Sizes of a terminal that can be: with COLUMNS=0 nothing was printed, with eleven digits the memory was full."""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _unwind_at_signals() -> None:
    """Let signals that end a process unwind it first; one that was ignored, as by nohup, stays so."""
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _unwind)


def _unwind(number: int, _frame: object) -> None:
    if os.getpid() != _own.get():  # a rule's child, which has nothing to put away
        os._exit(128 + number)
    for each in ENDING:  # unwinding is not cut short by a second one
        signal.signal(each, signal.SIG_IGN)
    raise Terminated(number)


def ended(end: SystemExit) -> SystemExit:
    """The end of a command with the code that its output deserves; a process that a signal has ended dies of it now."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    if isinstance(end, Terminated):
        signal.signal(end.number, signal.SIG_DFL)
        os.kill(os.getpid(), end.number)
    lost = _unwritten()
    if lost:
        sys.stderr.write(f"error: standard output cannot be written: {lost}\n")
    return SystemExit(PARTIAL) if lost and not end.code else end


_hurried: ContextVar[bool] = ContextVar("hurried", default=False)


def hurry() -> None:
    """Wait for nobody at the end of this process: Prefect would wait once more for an API that is lost."""
    _hurried.set(True)


def leave(code: int) -> NoReturn:
    """End this process, without taking Python apart: that took a fifth of the time of a check.

    Threads are waited for, and what was put off until the end is done, as Python itself does it.
    """
    if not _hurried.get():
        threading._shutdown()  # type: ignore[attr-defined]  # what the main thread of Python ends with
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _unwritten() -> str:
    buffer = getattr(sys.stdout, "buffer", None)
    return getattr(getattr(buffer, "raw", None), "lost", "")


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
    """Standard output that goes on when its reader has left, as `head -1` does: the exit code stays the command's.

    It goes on, too, where it cannot be written, as on a full disk: what the command is at is not cut in half by that.
    """

    gone = False
    lost = ""
    """Why it could not be written."""

    def write(self, data: Any) -> int:
        """Write, or drop what nobody reads."""
        try:
            return len(data) if self.gone else super().write(data) or 0
        except OSError as error:
            self.gone = True
            self.lost = "" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
            return len(data)


def keep_deadline(command: str, seconds: float) -> None:
    """Let a command end at its deadline: statements by their own limits, Python by a signal, what hangs in C for good.

    Where the process is not the command's own, as in somebody's program, only statements end.
    """
    if isinf(seconds) or not _own.get():
        return
    message = _late(command, seconds)
    _deadline.set((time.monotonic() + seconds, message))

    def end() -> None:
        sys.stderr.write(f"error: {message}\n")
        announce_end(INFRASTRUCTURE)
        os._exit(INFRASTRUCTURE)

    _arm(seconds, lambda *_: _interrupt(message), end)


_deadline: ContextVar[tuple[float, str]] = ContextVar("deadline", default=(float("inf"), ""))


def passed_deadline() -> str:
    """The sentence about the deadline where it has passed; empty before."""
    end, message = _deadline.get()
    return message if time.monotonic() >= end - 0.2 else ""


def _late(command: str, seconds: float) -> str:
    return f"{command} took longer than {seconds:g} s; give it more time by RALLY_DEADLINE"


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


@dataclass(frozen=True, slots=True)
class Board:
    """Memory that a process shares with the one that watches it: what stands there outlives whatever ends it.

    Not a pipe: a person's Python can close, fill and inherit one.
    """

    memory: mmap = field(default_factory=lambda: mmap(-1, 2048))

    def end(self, code: int) -> None:
        """Say that the process ends by itself, with an exit code."""
        self.memory[:2] = bytes([1, code % 256])

    def note(self, what: str) -> None:
        """Say what is called next."""
        self.memory[2:] = what.encode(errors="replace")[: len(self.memory) - 2].ljust(len(self.memory) - 2, b"\0")

    @property
    def code(self) -> int | None:
        """The exit code that was announced; None without one."""
        return self.memory[1] if self.memory[0] else None

    @property
    def noted(self) -> str:
        """What was called last; empty for nothing."""
        return self.memory[2:].rstrip(b"\0").decode(errors="replace")


_board: ContextVar[Board | None] = ContextVar("board", default=None)


def announce_end(code: int) -> None:
    """Tell the process that watches this one, if any does, that the work is over, and its exit code."""
    board = _board.get()
    if board is not None:
        board.end(code)


WATCHED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD}
FROM_A_TERMINAL = 128
"""How Linux marks a signal that it sends to all processes of a terminal: the child has got it, too."""


def supervise(command: str, seconds: float) -> None:
    """Go on in a child process; this one waits for its end, passes signals on, and ends as the child has announced.

    Where the process is not the command's own, or the machine cannot wait for signals (macOS), nothing is done.
    """
    if not _own.get() or not hasattr(signal, "sigtimedwait"):
        return
    board, earlier = Board(), signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # one that ignores its children does not learn how they ended
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        _end_as(command, board, child, seconds)
    signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
    _become_watched(board)


def _become_watched(board: Board) -> None:
    from checks.engine.measuring.child import die_with_parent, notice  # noqa: PLC0415 - once there is a child to watch

    die_with_parent()
    _own.set(os.getpid())
    _board.set(board)
    notice.set(board.note)


def _end_as(command: str, board: Board, child: int, seconds: float) -> NoReturn:
    """End this process as its child did."""
    status, passed = _await_end(child, time.monotonic() + seconds + PARENT_TOO_LATE)
    if status is None:
        _end_with(INFRASTRUCTURE, _late(command, seconds))
    if board.code is not None:
        os._exit(board.code)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number in passed:
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    _end_with(PARTIAL, _unannounced(command, board.noted, number, status))


def _end_with(code: int, message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.stderr.flush()
    os._exit(code)


def _await_end(child: int, end: float) -> tuple[int | None, set[int]]:
    """The status that a child ended with, None for one that was too late; and the signals that it got on the way."""
    passed = set[int]()
    while True:
        left = min(max(0.0, end - time.monotonic()), threading.TIMEOUT_MAX)
        got = signal.sigtimedwait(WATCHED, left)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, passed
        if got is None:
            os.kill(child, signal.SIGKILL)
            return None, passed
        if got.si_signo != signal.SIGCHLD:
            passed.add(got.si_signo)
            if got.si_code != FROM_A_TERMINAL:
                os.kill(child, got.si_signo)


def _unannounced(command: str, noted: str, number: int, status: int) -> str:
    how = f"signal {signal.Signals(number).name}" if number else f"exit status {os.WEXITSTATUS(status)}"
    called = f"; of the rules' own Python it had called last: {noted}" if noted else ""
    return (
        f"the process of {command} was ended in the middle of its work ({how}){called}; what it had not stored is not"
        " done: mend that rule or take it out of RALLY_RULES, and run this again"
    )
