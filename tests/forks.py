"""Processes of ours that start in milliseconds: forks of a server that has imported everything, Prefect too.

A cold start is up to two seconds of imports, and the business of those tests alone that are about the start.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flows.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("etl", "checks", "alerts", "flows")
LEFT_OUT = ("etl/migrations", "checks/pytest_plugin", "flows/doors/mcp_server", "flows/doors/lineage")
"""What only its own tool imports, and doors with large libraries that hardly a test goes through."""
LIBRARIES = ("alembic.command", "pandas", "pytest")
"""What functions import when they are called; a fork prepares to be the main program, which is that of pytest."""
LONGEST = 180.0
"""Seconds that a process may take; one that takes longer waits for ever, which is what some tests look for."""


def _modules() -> Iterator[str]:
    for path in sorted(file.relative_to(ROOT) for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        if not str(path).startswith(LEFT_OUT):
            yield ".".join(path.with_suffix("").parts).removesuffix(".__init__")


UNSWEPT = "tests.unswept"
"""Imported first: modules live to the end, and looking through them for garbage was a fourth of the server's start."""

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([UNSWEPT, *LIBRARIES, *_modules(), __name__])


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output, read as JSON."""
        return json.loads(self.out)


class StillRunning(AssertionError):
    """A process that did not end."""


class Running:
    """A process that was started: `rally-health` with these arguments, or other `work` with them.

    It has this environment and nothing else. What it complains of stands in its output where it is not kept `apart`.
    """

    def __init__(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, *,
        work: Callable[[], object] = main, apart: bool = False,
    ) -> None:  # fmt: skip
        self._printed = TemporaryDirectory(prefix="rally-printed-")
        self._out = Path(self._printed.name, "out")
        self._err = self._out.with_name("err") if apart else self._out
        self.arguments = arguments
        as_new = partial(become, arguments, dict(environment), folder)
        self.process = FORKS.Process(target=_process, args=(as_new, self._out, self._err, work))
        self.process.start()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()

    def end(self, timeout: float = LONGEST) -> Ended:
        """Wait for its end."""
        self.process.join(timeout)
        out, err = _read(self._out), _read(self._err)
        if self.process.exitcode is None:
            self.process.kill()
            raise StillRunning(f"{' '.join(self.arguments)} did not end within {timeout:g} s: {out}")
        return Ended(self.process.exitcode, out, "" if self._err == self._out else err)


def fork_beside() -> None:
    """Let what a fork starts be forks of the server that it comes from itself.

    multiprocessing says that it does, but takes a server that is no child of its own for none: a further one would
    import everything anew.
    """
    forkserver._forkserver.ensure_running = resource_tracker.ensure_running  # type: ignore[method-assign]


def coded(text: str) -> Callable[[], object]:
    """The work of `python -c`."""
    return partial(exec, text, {"__name__": "__main__"})


def run_code(text: str, *arguments: str) -> int:
    """Run code as `python -c` would, with the environment and folder of this process, and return its exit code."""
    return Running(arguments, os.environ, Path.cwd(), work=coded(text)).end().code


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _process(as_new: Callable[[], None], out: Path, err: Path, work: Callable[[], object]) -> None:
    """Work in a fork as in a new process, and leave in these files what is printed."""
    with out.open("ab") as printed, err.open("ab") as complaints, Path(os.devnull).open("rb") as nothing:
        for number, stream in enumerate((nothing, printed, complaints)):
            os.dup2(stream.fileno(), number)
    as_new()
    work_to_the_end(work)


def become(arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
    """Be in the state of a new process, imports aside."""
    gc.freeze()
    gc.enable()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["rally-health", *arguments]
    logging.root.handlers.clear()  # Prefect puts one there, also where nobody asks for it
    if any(name.startswith("PREFECT_") for name in environment):
        importlib.import_module("prefect.context").refresh_global_settings_context()


def work_to_the_end(work: Callable[[], object]) -> None:
    """Do the work of a process, and what it has put off until its end: those of multiprocessing end without it."""
    try:
        work()
    finally:
        atexit._run_exitfuncs()
