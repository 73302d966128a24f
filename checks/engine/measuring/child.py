"""A person's own Python, where it can do no harm: in a child process that may hang, exit or crash.

A child is a fork, so it sees everything that the parent has and nothing has to be sent to it; bytes come back. Whatever
becomes of it (os._exit, a segfault, a killed process, an endless loop in C), the parent reads an end and goes on.

What has to run in the run's own process (an import, a rule that returns SQL) is tried in a child before. It may behave
there and not in the real call, so whoever watches the run's process gets to know what is called in it.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from checks.engine.authoring import DeadlineError, MeasureError
from checks.engine.authoring.spec import Check
from checks.engine.measuring.snapshot import explained
from etl import Terminated

OF_A_FILE = "rally_rules_"
"""How the modules of files of rules are named: they are a person's own, and called in a child first."""
DONE, FAILED = b"+", b"-"
PIECE = 1 << 16
PR_SET_PDEATHSIG = 1

notice: ContextVar[Callable[[str], None]] = ContextVar("notice", default=lambda what: None)
"""Gets what of a person's Python is called in the run's own process."""


def in_child(seconds: float, what: str, function: Callable[[], bytes]) -> bytes:
    """The bytes that a function returns in a child process.

    Raises DeadlineError when they do not come in time, and MeasureError for whatever else happened there: with the
    text of a MeasureError, with the class alone of any other error, with how the process ended where it did.
    """
    pid, reading = _fork(function)
    try:
        answer = _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended = os.waitpid(pid, 0)[1]
    if answer is None:
        raise DeadlineError(f"{what} did not return within {seconds:g} s")
    return _told(answer, f"{what} ended its process ({_ending(ended)}); it ran in one of its own")


def _told(answer: bytes, otherwise: str) -> bytes:
    if answer.startswith(DONE):
        return answer[1:]
    raise MeasureError(answer[1:].decode(errors="replace") if answer.startswith(FAILED) else otherwise)


def _fork(function: Callable[[], bytes]) -> tuple[int, int]:
    """Start the child; its process id, and where its answer can be read."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()  # or the child would write what waits there once more
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of forks beside threads: the child runs one function of a person's, and ends without cleaning up
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _work(writing, function)
    os.close(writing)
    return pid, reading


def rehearse(seconds: float, what: str, function: Callable[[], object]) -> None:
    """Call a function in a child process first, and raise what `in_child` does where that one ends or hangs.

    MeasureError, too, where it leaves its process another one: the real call would do so with the run's. An error that
    the function raises, and what it prints, are left to the real call.
    """

    def tried() -> bytes:
        _silence()
        before = _process()
        try:
            function()
        except Exception as error:  # noqa: BLE001 - left to the real call, which asks for its text
            text_of(error)
        after = _process()
        changed = [name for name, own in before.items() if not own <= after[name]]
        if changed:
            raise MeasureError(f"{what} changes its process, which is the run's: {', '.join(changed)}")
        return b""

    in_child(seconds, what, tried)


def _silence() -> None:
    with Path(os.devnull).open("wb") as nothing:
        for descriptor in (1, 2):
            os.dup2(nothing.fileno(), descriptor)


WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD)


def _process() -> dict[str, set[object]]:
    """What a person's Python has no business with; more open files than before are no matter."""
    return {
        "standard output": {(id(stream), getattr(stream, "closed", True)) for stream in (sys.stdout, sys.stderr)},
        "open files": set(_open_files()),
        "working folder": {Path.cwd()},
        "handlers of signals": {(number, signal.getsignal(number)) for number in WATCHED},
    }


def _open_files() -> Iterator[tuple[int, int, int]]:
    listed = Path("/proc/self/fd")  # Linux alone has it
    for number in [int(entry.name) for entry in listed.iterdir()] if listed.is_dir() else ():
        with suppress(OSError):  # the listing's own is closed by now
            status = os.fstat(number)
            yield number, status.st_dev, status.st_ino


@contextmanager
def in_own_process(what: str) -> Iterator[None]:
    """A person's Python in the run's own process, for the block; what would end that is a MeasureError.

    What it prints goes to standard error: standard output may be a document.
    """
    notice.get()(what)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit, pytest's own
        raise MeasureError(f"{what} raised {type(error).__name__}, which would end the whole run") from None


def where_raised(error: BaseException, check: Check) -> str:
    """The line of a rule's own file that raised, and its text; empty where none of it did."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == check.source.file]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""


def text_of(error: BaseException) -> str:
    """The text of an error that a person's Python raised: making it is a person's Python, too."""
    try:
        return str(error)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as another:  # noqa: BLE001 - whatever it is, the error itself is to be told
        return f"its text cannot be made: {type(another).__name__}"


AMBIGUOUS = "Boolean value of this clause is not defined"


def told_where(error: Exception, check: Check) -> str:
    """What a rule raised, at which line and from which text; for a condition joined by `and`, how to write it."""
    if isinstance(error, DBAPIError):
        return explained(error)
    text = text_of(error)
    hint = "; join conditions by & | ~ in place of and, or, not" if AMBIGUOUS in text else ""
    return f"the rule raised {type(error).__name__}{where_raised(error, check)} ({text}){hint}"


def _work(writing: int, function: Callable[[], bytes]) -> None:
    """The child's whole life."""
    try:
        die_with_parent()
        os.dup2(2, 1)
        try:
            answer = DONE + function()
        except MeasureError as error:
            answer = FAILED + str(error).encode(errors="replace")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent goes on
            answer = FAILED + f"the rule raised {type(error).__name__}".encode()
        with os.fdopen(writing, "wb") as out:
            out.write(answer)
    finally:
        os._exit(0)


def die_with_parent() -> None:
    """Let this process be killed with its parent: an orphan would keep locks and connections open."""
    with suppress(Exception):  # Linux alone knows it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(reading: int, deadline: float) -> bytes | None:
    """Everything up to the end; None when that does not come in time."""
    pieces: list[bytes] = []
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while True:
        # interrupted by a signal it goes on, and an interrupt from the keyboard is raised here
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        piece = os.read(reading, PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"signal {signal.Signals(number).name}"
    return f"exit status {os.WEXITSTATUS(status)}"
